/** A world: what runs take, what else happens, and what a look is worth. Times in seconds. */

import { readFileSync } from 'node:fs';

import * as z from 'zod';

const positive = z.number().positive();
const share = z.number().min(0).max(1);

const component = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('lognormal'), median: positive, sigma: positive }),
  z.strictObject({ type: z.literal('gamma'), median: positive, shape: positive }),
  z.strictObject({ type: z.literal('weibull'), median: positive, shape: positive }),
  z.strictObject({ type: z.literal('pareto'), minimum: positive, alpha: positive }),
  z
    .strictObject({ type: z.literal('uniform'), low: z.number().min(0), high: positive })
    .refine(({ low, high }) => low < high, 'low must be below high'),
  z.strictObject({ type: z.literal('fixed'), median: positive, spread: positive }),
  z.strictObject({ type: z.literal('exponential'), mean: positive }),
]);
const distribution = z.array(z.strictObject({ weight: positive, of: component })).nonempty();

const worldSchema = z
  .strictObject({
    name: z.string(),
    /** The knob: seconds of delay that one look is worth. */
    cost: positive.default(1),
    /** How many runs are going at once, on average (or exactly, under a budget). */
    inFlight: positive.default(5),
    classes: z
      .array(
        z.strictObject({
          key: z.string(),
          weight: positive.default(1),
          duration: distribution,
          /** From this share of the runs on, durations are drawn from another distribution. */
          shift: z.strictObject({ at: share, duration: distribution }).optional(),
        }),
      )
      .nonempty(),
    webhooks: z
      .strictObject({
        /** The chance that a webhook arrives. */
        chance: share,
        /** Mean seconds from the end to the webhook, exponential. */
        latency: positive.default(0.3),
        /** While runs of these shares of the world end, none arrives. */
        outages: z.array(z.strictObject({ from: share, to: share })).default([]),
      })
      .optional(),
    /** `inFlight` runs at all times, and so many calls a minute. */
    budget: z
      .strictObject({
        rpm: positive,
        /** Another run starts when one was found, or as soon as it has ended; `inFlight` counts them till then. */
        replaces: z.enum(['found', 'ended']).default('found'),
        /** Whether creates use the same quota. */
        countsCreates: z.boolean().default(true),
        seconds: positive.default(900),
        /** Seconds at the start that do not count. */
        warmUp: z.number().min(0).default(300),
        /** From a time on, another quota; also how other tenants on the same key are felt. */
        steps: z.array(z.strictObject({ at: positive, rpm: positive })).default([]),
      })
      .optional(),
  })
  .superRefine(({ classes, webhooks, budget }, context) => {
    if (budget === undefined) return;
    const wrong = (message: string): void => context.addIssue({ code: 'custom', message });
    if (budget.warmUp >= budget.seconds) wrong('budget.warmUp must be below budget.seconds');
    if (webhooks !== undefined) wrong('a world with a budget has no webhooks');
    if (classes.some(({ shift }) => shift !== undefined))
      wrong('a class of a world with a budget does not shift');
  });

export type World = z.output<typeof worldSchema>;
export type WorldClass = World['classes'][number];

export function parseWorld(value: unknown): World {
  return worldSchema.parse(value);
}

/** A mistake of whoever typed the command; its message says what to mend. */
export class UsageError extends Error {}

/** One world or a list of them, from a file or as the text itself. Throws a `UsageError`. */
export function readWorlds(source: string): World[] {
  const isText = /^\s*[{[]/.test(source);
  const json = jsonOf(isText ? source : textOf(source), isText ? '--world' : source);
  const parsed = (Array.isArray(json) ? json : [json]).map((one) => worldSchema.safeParse(one));
  if (parsed.length === 0) throw new UsageError(`There is no world in ${isText ? '--world' : source}.`);
  return parsed.map((one, at) => {
    if (one.success) return one.data;
    const which = parsed.length > 1 ? `World ${at + 1}` : 'The world';
    throw new UsageError(`${which} does not fit; see bench/polling/world.ts:\n${z.prettifyError(one.error)}`);
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`--world ${path} cannot be read: ${messageOf(error)}`);
  }
}

function jsonOf(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${name} is no JSON: ${messageOf(error)}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

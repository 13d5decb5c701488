import * as z from 'zod';

import { OPERATIONS } from './operations.ts';
import type { Operation } from './operations.ts';
import type { Random } from './random.ts';

/** One thing that goes wrong with one call. */
export type Fault =
  /**
   * An HTTP error instead of the answer. 502 and 504 carry a gateway's HTML page, all others OpenAI's error
   * envelope. With `processed`, the request is carried out first: the ambiguous kind.
   */
  | { type: 'http_error'; status: number; processed?: boolean; retryAfterMs?: number }
  /** The connection is reset before the request is looked at. */
  | { type: 'reset' }
  /** The request is carried out (a run is created), then the connection is dropped without a reply. */
  | { type: 'lost_reply' }
  /** The reply is complete and correct but comes this much later. Beyond the client's timeout it is a stall. */
  | { type: 'slow'; delayMs: number }
  /** 200, `application/json`, and a body that ends in the middle. */
  | { type: 'garbage' }
  /** The right body, announced as `text/plain`. */
  | { type: 'wrong_content_type' }
  /** The right body, followed by this many bytes of white space (still valid JSON). */
  | { type: 'huge_body'; bytes: number }
  /** A stream's connection is cut after so many events; with `midEvent`, in the middle of the next. */
  | { type: 'stream_break'; afterEvents: number; midEvent?: boolean }
  /** A stream says nothing more after so many events, and stays open. */
  | { type: 'stream_stall'; afterEvents: number };

/** When a fault strikes. */
export interface FaultRule {
  /** One operation, several, or `*` for all. */
  operation: Operation | '*' | readonly Operation[];
  fault: Fault;
  /** 0–1; default 1. */
  probability?: number;
  /** Strike this many times, then never again. Default: no end. */
  next?: number;
}

export interface Faults {
  /** The first rule that strikes decides; later ones are not asked. Default: none. */
  rules: readonly FaultRule[];
  /** A retrieve of a run that ended less than this many milliseconds ago answers 404. Default 0. */
  notFoundAfterEndMs: number;
  /** 0–1: how likely it is that a cancelled run completes nevertheless. Default 0. */
  cancelledCompletesProbability: number;
  /** How long after it was cancelled such a run reads `completed`, in milliseconds. Default 1000. */
  cancelledCompletesAfterMs: number;
}

export const NO_FAULTS: Faults = {
  rules: [],
  notFoundAfterEndMs: 0,
  cancelledCompletesProbability: 0,
  cancelledCompletesAfterMs: 1000,
};

const probability = z.number().min(0).max(1);
const ms = z.number().min(0);
const operation = z.enum(OPERATIONS);

const faultSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('http_error'),
    status: z.int().min(400).max(599),
    processed: z.boolean().exactOptional(),
    retryAfterMs: ms.exactOptional(),
  }),
  z.strictObject({ type: z.literal('reset') }),
  z.strictObject({ type: z.literal('lost_reply') }),
  z.strictObject({ type: z.literal('slow'), delayMs: ms }),
  z.strictObject({ type: z.literal('garbage') }),
  z.strictObject({ type: z.literal('wrong_content_type') }),
  z.strictObject({ type: z.literal('huge_body'), bytes: z.int().min(0).max(1_000_000_000) }),
  z.strictObject({
    type: z.literal('stream_break'),
    afterEvents: z.int().min(0),
    midEvent: z.boolean().exactOptional(),
  }),
  z.strictObject({ type: z.literal('stream_stall'), afterEvents: z.int().min(0) }),
]) satisfies z.ZodType<Fault>;

export const faultsSchema = z.strictObject({
  rules: z.array(
    z.strictObject({
      operation: z.union([operation, z.literal('*'), z.array(operation)]),
      fault: faultSchema,
      probability: probability.exactOptional(),
      next: z.int().min(0).exactOptional(),
    }),
  ),
  notFoundAfterEndMs: ms,
  cancelledCompletesProbability: probability,
  cancelledCompletesAfterMs: ms,
}) satisfies z.ZodType<Faults>;

function concerns(rule: FaultRule, called: Operation): boolean {
  if (rule.operation === '*' || rule.operation === called) return true;
  return typeof rule.operation !== 'string' && rule.operation.includes(called);
}

/**
 * What goes wrong with this call, if anything, and the faults that remain in force afterwards (a rule that
 * strikes only the next n times has then one less to go).
 */
export function decideFault(
  called: Operation,
  random: Random,
  faults: Faults,
): { fault: Fault | null; faults: Faults } {
  for (const [index, rule] of faults.rules.entries()) {
    if (rule.next === 0 || !concerns(rule, called)) continue;
    const chance = rule.probability ?? 1;
    if (chance < 1 && random.next() >= chance) continue;
    if (rule.next === undefined) return { fault: rule.fault, faults };
    const rules = faults.rules.with(index, { ...rule, next: rule.next - 1 });
    return { fault: rule.fault, faults: { ...faults, rules } };
  }
  return { fault: null, faults };
}

/**
 * Fields that an answer can do without. What a server writes in them must not hide the rest: a run that is over is over,
 * whatever its usage says. Only ids and statuses are insisted on.
 */

import * as z from 'zod';

/** The latest time that a `Date` can hold. */
const latestMs = 8.64e15;

/** Some servers write their numbers as texts. */
const number = z.union([
  z.number(),
  z
    .string()
    .regex(/^\d{1,20}(?:\.\d+)?$/)
    .transform(Number),
]);

/** A time stamp of the API: whole seconds since the epoch, or absent. Parsed to milliseconds, or null. */
export const stampMs = number
  .nullish()
  .catch(null)
  .transform((seconds) =>
    typeof seconds === 'number' && seconds >= 0 && seconds * 1000 <= latestMs ? seconds * 1000 : null,
  );

/** Tokens. */
export const count = number.pipe(z.int().min(0));

const text = z.string().nullish().catch(null);

/** A code or a status is a word, and stands in logs: what is longer is some server's text. */
const mostWordLength = 100;
const mostMessageLength = 4000;

export const status = z.string().transform((word) => word.slice(0, mostWordLength));

export const code = text.transform((word) => word?.slice(0, mostWordLength));

export const message = text.transform((words) => words?.slice(0, mostMessageLength));

/** It stands in the name of a key, in each state and in paths. Some gateways pack a few hundred characters into it. */
export const providerId = z.string().min(1).max(2048);

/** Deeper than any item is, and far from what would overflow the stack of who writes or reads it. */
const mostLevels = 200;

/** Those items that can be kept. */
export function shallow<T>(items: readonly T[]): T[] {
  return items.filter((item) => !isDeeperThan(item, mostLevels));
}

/** Level by level, and not by calling itself: that is what it guards against. */
function isDeeperThan(item: unknown, levels: number): boolean {
  let level = [item];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > levels) return true;
    level = level.flatMap((value): unknown[] =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
  return false;
}

/** Of a tool call: a text of JSON. Some servers write the JSON itself, or leave out what is empty. */
export const callArguments = z
  .unknown()
  .optional()
  .transform((given) => {
    if (typeof given === 'string') return given;
    const [value = null] = shallow([given]);
    return value === null ? '' : JSON.stringify(value);
  });

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

export const text = z.string().nullish().catch(null);

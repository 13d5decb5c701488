import * as z from 'zod';

/** A time stamp of the API: whole seconds since the epoch, or absent. Parsed to milliseconds, or null. */
export const stampMs = z
  .number()
  .nullish()
  .transform((seconds) => (typeof seconds === 'number' ? seconds * 1000 : null));

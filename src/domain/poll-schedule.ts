/** When to look next. A schedule is a pure function of what is known of one run. */

import type { ScheduleReason } from './look-log.ts';

/** Milliseconds throughout. */
export interface LookContext {
  /** How long the run has been going at the last look (0 right after the create). */
  readonly ageMs: number;
  /** Looks so far that found it still going. */
  readonly looks: number;
  /** A draw from [0, 1), for jitter. */
  readonly random: number;
}

export interface PollSchedule {
  /** How long to wait from the last look (or the create) to the next; positive, finite. */
  delayMs(context: LookContext): number;
  /** Why then, for the record; default `backoff`. */
  reason?(context: LookContext): ScheduleReason;
  /**
   * Where the delay is stretched by what may pass: how long after the last look to ask again, without a call; never
   * longer than the delay. Null where nothing stretches it. `sinceMs`: from the last look to now.
   */
  reviewMs?(context: LookContext, sinceMs: number): number | null;
}

export interface BackoffOptions {
  /** The first delay; default 500. */
  readonly initialMs: number;
  /** Growth a look; at least 1; default 1.5. */
  readonly factor: number;
  /** The longest delay; default 5000. */
  readonly maxMs: number;
  /** Share by which a delay is spread to both sides, so that runs sent together part; default 0.1. */
  readonly jitter: number;
}

export const defaultBackoff: BackoffOptions = { initialMs: 500, factor: 1.5, maxMs: 5000, jitter: 0.1 };

/** The `n`th delay (n = 0, 1, …): `initial · factorⁿ`, capped, then jittered by a draw from [0, 1). */
export function backoffDelayMs(options: BackoffOptions, n: number, random: number): number {
  // The power overflows to Infinity for large n; `min` makes that the cap, never NaN.
  const delayMs = Math.min(options.initialMs * options.factor ** n, options.maxMs);
  return Math.max(1, Math.round(delayMs * (1 + options.jitter * (2 * random - 1))));
}

/** Exponential backoff over the looks: knows nothing of how long runs take. */
export function backoffSchedule(options: BackoffOptions): PollSchedule {
  return { delayMs: ({ looks, random }) => backoffDelayMs(options, looks, random) };
}

/** The same schedule, but never a longer delay than this. */
export function boundedSchedule(schedule: PollSchedule, maxDelayMs: number): PollSchedule {
  return {
    delayMs: (context) => Math.min(maxDelayMs, schedule.delayMs(context)),
    reason: (context) =>
      schedule.delayMs(context) > maxDelayMs ? 'max_delay' : (schedule.reason?.(context) ?? 'backoff'),
  };
}

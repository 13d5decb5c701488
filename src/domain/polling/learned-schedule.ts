/** The learned schedule: the optimum's table, held within bounds. */

import type { ScheduleReason } from '../look-log.ts';
import type { LookContext, PollSchedule } from '../poll-schedule.ts';
import { type LookTable, nextLookMs } from './look-table.ts';

/**
 * Bounds the worst delay while little is known: `next ≤ last + (ρ·last + g₀)·trust`.
 *
 * `trust` is 1 for a class without observations and grows with the evidence, because what n runs have never done is
 * done by about one in n: the expected cost of such a surprise stays the same. A fixed guard would cost 10 % for ever.
 */
export interface GuardOptions {
  /** ρ; default 1. */
  readonly share: number;
  /** g₀; default 10 s. */
  readonly freeMs: number;
  /** Observations that double the trust; default 8. */
  readonly trustEvery: number;
}

export const defaultGuard: GuardOptions = { share: 1, freeMs: 10_000, trustEvery: 8 };

export interface LearnedScheduleOptions {
  readonly table: LookTable;
  readonly guard: GuardOptions;
  /** 1 without evidence. */
  readonly trust: number;
  /** No gap is longer, whatever the table says. */
  readonly maxDelayMs: number;
}

export function trustOf(guard: GuardOptions, evidence: number): number {
  return 1 + Math.max(0, evidence) / guard.trustEvery;
}

export function learnedSchedule(options: LearnedScheduleOptions): PollSchedule {
  const { table, guard, trust, maxDelayMs } = options;
  const bounds = ({ ageMs }: LookContext): readonly (readonly [number, ScheduleReason])[] => {
    // A clock that was set back must not make a hot loop.
    const age = Math.max(0, ageMs);
    return [
      [nextLookMs(table, age) - age, 'learned'],
      [(guard.share * age + guard.freeMs) * trust, 'guard'],
      [maxDelayMs, 'max_delay'],
    ];
  };
  return {
    delayMs: (context) => Math.max(1, Math.min(...bounds(context).map(([delayMs]) => delayMs))),
    reason: (context) => bounds(context).reduce((least, one) => (one[0] < least[0] ? one : least))[1],
  };
}

/** The last review before a look comes no closer to it than this share of its delay. */
export const lastReviewShare = 0.75;

/**
 * Looks when `stretched` says, and asks again when the unstretched schedule would look, then each time after twice as
 * long: whatever has stretched it may be over. It costs turns of the job, no call.
 */
export function reviewedSchedule(stretched: PollSchedule, plain: PollSchedule): PollSchedule {
  return {
    ...stretched,
    reviewMs: (context, sinceMs) => {
      const delayMs = stretched.delayMs(context);
      let reviewMs = plain.delayMs(context);
      while (reviewMs <= sinceMs * 1.05) reviewMs *= 2;
      return reviewMs > lastReviewShare * delayMs ? delayMs : reviewMs;
    },
  };
}

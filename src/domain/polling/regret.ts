/** What a run's looks cost, and what the plain backoff would have paid for the same run. */

import type { PollSchedule } from '../poll-schedule.ts';
import type { RunOutcome, RunState } from '../run.ts';

export interface LooksAndDelay {
  readonly looks: number;
  readonly delayMs: number;
}

/** No schedule of ours is followed further. */
const mostLooks = 10_000;

/** The looks that a schedule would have needed for a run of this duration, and the delay of the last one. */
export function replayed(schedule: PollSchedule, durationMs: number): LooksAndDelay {
  let ageMs = 0;
  let looks = 0;
  do {
    ageMs += schedule.delayMs({ ageMs, looks, random: 0.5 });
    looks += 1;
  } while (ageMs < durationMs && looks < mostLooks);
  return { looks, delayMs: Math.max(0, ageMs - durationMs) };
}

/** Null for a run whose duration is not known, that was cut short or waited for tools: there is nothing to compare. */
export function lookedAt(
  state: RunState,
  outcome: RunOutcome,
): (LooksAndDelay & { readonly durationMs: number }) | null {
  if (state.phase !== 'ended' || state.startedAtMs === null || state.cancel !== null) return null;
  if (state.ageFromMs !== undefined) return null;
  const { completedAtMs, detectionDelayMs, foundBy } = outcome;
  if (completedAtMs === null || detectionDelayMs === null || foundBy !== 'poll') return null;
  return {
    looks: state.calls.retrieve,
    delayMs: detectionDelayMs,
    durationMs: Math.max(0, completedAtMs - state.startedAtMs),
  };
}

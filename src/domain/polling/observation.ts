/** What a look teaches about durations: read off the run's state before it and the answer. */

import type { RunEvent } from '../decision.ts';
import { ageFromMsOf, type RunState } from '../run.ts';
import type { DurationObservation } from './life-table.ts';

export interface Bounds {
  readonly startedAtMs: number;
  /** The last look that found it still going, or the start. */
  readonly missMs: number;
  /** The look, or the webhook, that found it over. */
  readonly hitMs: number;
  /** The provider's end stamp: the start of a whole second; null without one. */
  readonly stampMs: number | null;
}

/** The interval `(miss, hit]`, cut by the whole second that the provider stamped, in ages of the run. */
export function endedObservation({ startedAtMs, missMs, hitMs, stampMs }: Bounds): DurationObservation {
  const seenMs = Math.max(0, missMs - startedAtMs);
  const untilMs = Math.max(seenMs, hitMs - startedAtMs);
  const wide = { type: 'ended', seenMs, afterMs: seenMs, untilMs } as const;
  if (stampMs === null) return wide;
  const low = Math.max(seenMs, stampMs - startedAtMs);
  const high = Math.min(untilMs, stampMs + 1000 - startedAtMs);
  // A stamp outside what we saw ourselves comes from a clock that is off, and says nothing.
  return low <= high ? { type: 'ended', seenMs, afterMs: low, untilMs: high } : wide;
}

/**
 * What is learnt when `event` meets the state `before`; null when nothing is.
 *
 * A run that was cancelled, by us or by anybody, or that expired, would have taken longer: it is known to have been
 * going till then and no more. A run that waits for tools does not age by itself, so it teaches nothing.
 */
export function observationOfEvent(
  before: RunState,
  event: RunEvent,
  nowMs: number,
): DurationObservation | null {
  if (before.phase !== 'following') return null;
  if (event.type !== 'streamed' && (event.type !== 'replied' || event.call !== 'retrieve')) return null;
  const startedAtMs = ageFromMsOf(before);
  const { cancel } = before;
  const missMs =
    event.type === 'streamed' ? Math.max(before.lastLookAtMs, event.lastSeenAtMs) : before.lastLookAtMs;
  const { snapshot } = event;
  if (before.status === 'requires_action') return null;
  const going = (untilMs: number): DurationObservation | null => {
    const seenMs = Math.max(0, missMs - startedAtMs);
    return untilMs - startedAtMs > seenMs ? { type: 'going', seenMs, untilMs: untilMs - startedAtMs } : null;
  };
  if (cancel !== null) return going(cancel.atMs);
  if (snapshot.phase === 'running') return going(nowMs);
  // Somebody else's cancel, or an expiry: the answer does not say when it would have ended.
  if (snapshot.status === 'cancelled' || snapshot.status === 'expired') return null;
  return endedObservation({ startedAtMs, missMs, hitMs: nowMs, stampMs: snapshot.endedAtMs });
}

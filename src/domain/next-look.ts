/** When a run is looked at next, and when its job asks again whether that still holds. */

import { type DecideContext, type Decision, wait } from './decision.ts';
import type { LookReason } from './look-log.ts';
import { backoffSchedule } from './poll-schedule.ts';
import { ageFromMsOf, type FollowingState } from './run.ts';
import type { RunningSnapshot } from './snapshot.ts';
import { soonMs } from './word.ts';

/** A run can be answered `expired` a moment after its stamp says so; looking sooner would waste the look. */
const expirySlackMs = 1000;

/** A look that is due in less than this, or this share of its gap, is not put off. */
const dueMs = 250;
const dueShare = 0.05;

/** These were told to us, or are a second try: the look stands, whatever it costs by now. */
const firmReasons: ReadonlySet<LookReason> = new Set(['backoff', 'provider', 'quota', 'fault', 'cancel']);

interface NextLook {
  readonly atMs: number;
  readonly reason: LookReason;
  /** Sooner than the look itself: to ask then, without a call, whether the look is due by then. */
  readonly reviewAtMs?: number;
}

/** Waits after an answer that found the run still going. */
export function waitToLook(
  state: FollowingState,
  snapshot: RunningSnapshot,
  context: DecideContext,
): Decision {
  return parkFor(state, nextLook(state, snapshot, context), context);
}

/**
 * Its time has come. A look that was stretched (by a short quota, or by webhooks that come) is put off as long as
 * that lasts; null where the look is due now.
 */
export function putOff(state: FollowingState, context: DecideContext): Decision | null {
  const { nowMs, schedule } = context;
  const { lookReason, lastLookAtMs, expiresAtMs } = state;
  const isFirm =
    state.faultStreak > 0 ||
    state.permit !== undefined ||
    state.word !== undefined ||
    state.status === 'requires_action';
  if (isFirm || lookReason === undefined || firmReasons.has(lookReason)) return null;
  if (expiresAtMs !== null && nowMs >= expiresAtMs) return null;
  const look = { ageMs: lastLookAtMs - ageFromMsOf(state), looks: state.looks, random: 0.5 };
  const sinceMs = nowMs - lastLookAtMs;
  const reviewMs = schedule.reviewMs?.(look, sinceMs) ?? null;
  if (reviewMs === null && state.lookAtMs === undefined) return null;
  const delayMs = schedule.delayMs(look);
  if (delayMs - sinceMs <= Math.max(dueMs, dueShare * delayMs)) return null;
  const atMs = lastLookAtMs + delayMs;
  const reviewAtMs = lastLookAtMs + (reviewMs ?? delayMs);
  return parkFor(state, { atMs, reason: schedule.reason?.(look) ?? 'backoff', reviewAtMs }, context);
}

function parkFor(state: FollowingState, next: NextLook, context: DecideContext): Decision {
  const { lookAtMs: _lookAtMs, ...rest } = state;
  const parked = { ...rest, lookReason: next.reason };
  const { atMs, reviewAtMs = atMs } = next;
  return reviewAtMs < atMs
    ? wait({ ...parked, lookAtMs: atMs }, reviewAtMs, context)
    : wait(parked, atMs, context);
}

function nextLook(state: FollowingState, snapshot: RunningSnapshot, context: DecideContext): NextLook {
  const { nowMs, random } = context;
  // Nothing but the answer to its tool calls, a cancel or its expiry moves a run that waits for tools.
  if (snapshot.status === 'requires_action' && state.cancel === null) {
    if (state.expiresAtMs === null) return { atMs: Infinity, reason: 'expiry' };
    const expiredAtMs = state.expiresAtMs + expirySlackMs;
    if (expiredAtMs > nowMs) return { atMs: expiredAtMs, reason: 'expiry' };
  }
  const againMs = soonMs(state, context);
  if (againMs !== null) {
    return { atMs: nowMs + Math.max(againMs, snapshot.pollAfterMs ?? 0), reason: 'webhook' };
  }
  // A cancel takes effect soon, however old the run is.
  const schedule = state.cancel === null ? context.schedule : backoffSchedule(context.policy.cancelBackoff);
  const look = { ageMs: nowMs - ageFromMsOf(state), looks: state.looks, random };
  const delayMs = schedule.delayMs(look);
  const leastMs = snapshot.pollAfterMs ?? 0;
  const waitMs = Math.max(delayMs, leastMs);
  const reviewAtMs = nowMs + Math.max(leastMs, schedule.reviewMs?.(look, 0) ?? waitMs);
  const expiresAtMs = state.expiresAtMs ?? Infinity;
  if (nowMs < expiresAtMs && expiresAtMs + expirySlackMs < nowMs + waitMs) {
    return { atMs: expiresAtMs + expirySlackMs, reason: 'expiry', reviewAtMs };
  }
  if (waitMs > delayMs) return { atMs: nowMs + waitMs, reason: 'provider' };
  return { atMs: nowMs + waitMs, reason: schedule.reason?.(look) ?? 'backoff', reviewAtMs };
}

/** What a failed call means for a run. Nothing but a definite "no" ends it before its deadline. */

import { type DecideContext, type Decision, end, noteLook, type RunCall, wait } from './decision.ts';
import { withoutStream } from './decide-stream.ts';
import { submitFault, unsubmitted } from './decide-tools.ts';
import type { FaultDetails } from './fault.ts';
import { fetchedOutcome, lostOutcome, rejectedOutcome } from './outcome.ts';
import { type BackoffOptions, backoffDelayMs } from './poll-schedule.ts';
import type { AcceptedState, CreatingState, FetchingState, FollowingState, RunState } from './run.ts';

export function decideFault(
  before: RunState,
  call: RunCall,
  fault: FaultDetails,
  context: DecideContext,
): Decision {
  const noted = call === 'retrieve' && before.phase === 'following' ? noteLook(before, context) : before;
  const state = { ...noted, lastFault: fault, faultStreak: before.faultStreak + 1 };
  switch (state.phase) {
    case 'creating':
      return call === 'create' || call === 'submit'
        ? createFault(state, fault, context)
        : retryLater(state, fault, context);
    case 'following':
      return lookFault(call === 'submit' ? submitFault(state, fault, context) : state, call, fault, context);
    case 'fetching':
      return lookFault(state, call, fault, context);
    case 'accepted':
    case 'ended':
      // No call is made in these; a wait is harmless where an exception would lose the run.
      return retryLater(state, fault, context);
    default: {
      const never: never = state;
      return never;
    }
  }
}

/** No call could be made at all. Another worker may be able to: it is tried until the deadline. */
export function outOfReach(state: RunState, fault: FaultDetails, context: DecideContext): Decision {
  return retryLater({ ...state, lastFault: fault, faultStreak: state.faultStreak + 1 }, fault, context);
}

function createFault(state: CreatingState, fault: FaultDetails, context: DecideContext): Decision {
  const mayMove = context.canMove === true && state.continues === undefined;
  switch (fault.type) {
    case 'unauthorized':
      // The run that asked exists and is paid for.
      if (state.continues !== undefined)
        return lookFault(unsubmitted(state, state.continues), 'submit', fault, context);
      return mayMove
        ? retryLater(uncreated(state), fault, context)
        : end(state, rejectedOutcome(fault, context.nowMs), context);
    case 'not_found':
    case 'refused':
      return end(state, rejectedOutcome(fault, context.nowMs), context);
    case 'throttled':
      // The pause is this account's alone.
      return retryLater(uncreated(state), mayMove ? { ...fault, retryAfterMs: null } : fault, context);
    case 'unavailable':
      return retryLater(uncreated(state), fault, context);
    case 'conflict':
      return retryLater(uncreated(state), fault, context, context.policy.conflictBackoff);
    case 'unclear':
      // It stays `creating`: look for the run before anything is sent again.
      return retryLater(state, fault, context);
    default: {
      const never: never = fault.type;
      return never;
    }
  }
}

/** The provider said that it did nothing, so the intent is void, and the choice of the account with it. */
function uncreated(state: CreatingState): AcceptedState | FollowingState {
  if (state.continues !== undefined) return unsubmitted(state, state.continues);
  const { intentAtMs: _intentAtMs, account: _account, ...rest } = state;
  return { ...rest, phase: 'accepted' };
}

function lookFault(
  state: FollowingState | FetchingState,
  call: RunCall,
  fault: FaultDetails,
  context: DecideContext,
): Decision {
  const { nowMs, policy } = context;
  switch (fault.type) {
    case 'not_found': {
      // Its stream is gone; whether the run is, a look tells.
      if (call === 'resume' && state.phase === 'following') return lookInstead(state);
      const since = state.troubleSinceMs ?? nowMs;
      if (nowMs - since >= policy.notFoundGraceMs) {
        // A run that was seen to be over is not lost, only its output is.
        return end(
          state,
          state.phase === 'fetching' ? fetchedOutcome(state, null) : lostOutcome(fault, nowMs),
          context,
        );
      }
      const untilMs = Math.min(nowMs + delayOf(state, fault, context), since + policy.notFoundGraceMs);
      return wait({ ...state, troubleSinceMs: since }, untilMs, context);
    }
    case 'unauthorized': {
      // The run exists and is paid for, and keys are rotated: only a lasting refusal ends it.
      const since = state.troubleSinceMs ?? nowMs;
      if (nowMs - since >= policy.unauthorizedGraceMs) {
        return end(
          state,
          state.phase === 'fetching' ? fetchedOutcome(state, null) : rejectedOutcome(fault, nowMs),
          context,
        );
      }
      return retryLater({ ...state, troubleSinceMs: since }, fault, context);
    }
    case 'refused':
    case 'conflict':
      // A cancel is refused when the run ended first: a look tells how.
      if (call === 'cancel' && state.phase === 'following') {
        return { state: { ...state, cancelSentAtMs: nowMs }, next: { type: 'call', call: 'retrieve' } };
      }
      // So is a submit whose forerunner arrived, though its reply did not.
      if (call === 'submit' && state.phase === 'following')
        return { state, next: { type: 'call', call: 'retrieve' } };
      if (call === 'resume' && state.phase === 'following') return lookInstead(state);
      return retryLater(state, fault, context);
    case 'throttled':
    case 'unavailable':
    case 'unclear':
      return retryLater(state, fault, context);
    default: {
      const never: never = fault.type;
      return never;
    }
  }
}

/** The provider will not tell its events again. */
function lookInstead(state: FollowingState): Decision {
  return { state: withoutStream(state), next: { type: 'call', call: 'retrieve' } };
}

function retryLater(
  state: RunState,
  fault: FaultDetails,
  context: DecideContext,
  backoff: BackoffOptions = context.policy.faultBackoff,
): Decision {
  return wait(state, context.nowMs + delayOf(state, fault, context, backoff), context);
}

/** `Retry-After` beats our backoff, and is not jittered: the provider knows. A zero must not make a hot loop. */
function delayOf(
  state: RunState,
  fault: FaultDetails,
  context: DecideContext,
  backoff: BackoffOptions = context.policy.faultBackoff,
): number {
  if (fault.retryAfterMs !== null) return Math.max(fault.retryAfterMs, backoff.initialMs);
  return backoffDelayMs(backoff, state.faultStreak - 1, context.random);
}

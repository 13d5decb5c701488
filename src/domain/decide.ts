/**
 * The life of a run, as one pure and total function: `(state, event, context) → { state, next }`.
 *
 * One activation of a run job starts with the event `activated` and goes on, call by call, until `next` is `wait`
 * or `end`. Nothing here knows of Redis, HTTP or the wall clock; see docs/architecture.md for the diagram.
 */

import {
  isOurs,
  isStrangers,
  nextInspectionMs,
  quarantineEndMs,
  strangersAnswer,
  withCandidate,
  withMissed,
  withoutCandidate,
} from './adoption.ts';
import { decideFault } from './decide-fault.ts';
import { decideReply } from './decide-reply.ts';
import { followStream, resumed, withoutStream } from './decide-stream.ts';
import {
  type DecideContext,
  type Decision,
  end,
  giveUpAtMs,
  type RunCall,
  type RunEvent,
  wait,
} from './decision.ts';
import {
  beginSubmit,
  collected,
  isAsking,
  isFormer,
  lookForAnswers,
  waitForAnswers,
  withoutAsking,
} from './decide-tools.ts';
import type { FaultDetails } from './fault.ts';
import { putOff } from './next-look.ts';
import { ambiguousOutcome, cancelledOutcome, fetchedOutcome } from './outcome.ts';
import {
  type AcceptedState,
  type CallOperation,
  type CreatingState,
  type EndedState,
  type FetchingState,
  type FollowingState,
  type FoundBy,
  lasting,
  type RunState,
} from './run.ts';
import type { ProviderSnapshot } from './snapshot.ts';
import { withoutFuture } from './set-back.ts';
import { withWord } from './word.ts';

/** Early by more than this: somebody promoted the job by hand, and a look would be wasted. */
const earlyToleranceMs = 250;

const unansweredNote = 'Its create was never answered, so it may still run at the provider.';

type OpenState = Exclude<RunState, EndedState>;

/** What to do with a run, given what just happened. */
export function decide(state: RunState, event: RunEvent, context: DecideContext): Decision {
  // Final: an answer that comes later is noted nowhere, and changes nothing.
  if (state.phase === 'ended') return { state, next: { type: 'settle' } };
  switch (event.type) {
    case 'activated':
      return activate(state, event, context);
    case 'replied':
      if (event.call === 'adopt' && !isSuccessor(state, event.snapshot, context))
        return notAdopted(state, context);
      if (event.call !== 'adopt' && isStrangers(state, event.snapshot, context))
        return decideFault(state, event.call, strangersAnswer, context);
      return decideReply(state, event.call, event.snapshot, context);
    case 'found':
      return event.snapshot === null
        ? unfound(state, context)
        : decideReply(state, 'find', event.snapshot, context);
    case 'handedOut':
      return isAsking(state) ? waitForAnswers(state, context) : wait(state, context.nowMs, context);
    case 'collected':
      return isAsking(state) ? collected(state, event.answers, context) : wait(state, context.nowMs, context);
    case 'streamed':
      return streamed(state, event, context);
    case 'resumed':
      return state.phase === 'following'
        ? resumed(state, event.seq, context)
        : wait(state, context.nowMs, context);
    case 'outputFetched':
      return state.phase === 'fetching'
        ? end(state, fetchedOutcome(state, event.output), context)
        : wait(state, context.nowMs, context);
    case 'faulted':
      if (event.call === 'adopt' && state.phase === 'creating' && isNo(event.fault))
        return unfound({ ...withMissed(state, context), lastFault: event.fault }, context);
      return decideFault(state, event.call, event.fault, context);
    default: {
      const never: never = event;
      return never;
    }
  }
}

/** Ours, and not one that this run has left behind: the late word of a response that asked for tools comes here too. */
function isSuccessor(state: OpenState, snapshot: ProviderSnapshot, context: DecideContext): boolean {
  const former = state.phase === 'creating' && isFormer(state, snapshot.providerRunId);
  return isOurs(snapshot, context) && !former;
}

/** The state to hold while a call is out: it is counted, and a create's intent is on record before it is sent. */
export function beginCall(state: RunState, call: RunCall, nowMs: number): RunState {
  const operation = operationOf(call);
  const calls = { ...state.calls, [operation]: state.calls[operation] + 1 };
  if (call === 'create' && (state.phase === 'accepted' || state.phase === 'creating')) {
    const { v, wakeAtMs, cancel, faultStreak, lastFault } = state;
    return {
      v,
      wakeAtMs,
      cancel,
      faultStreak,
      lastFault,
      calls,
      ...lasting(state),
      phase: 'creating',
      intentAtMs: nowMs,
    };
  }
  if (call === 'submit' && (state.phase === 'following' || state.phase === 'creating'))
    return beginSubmit({ ...state, calls }, nowMs);
  if (call === 'resume' && state.phase === 'following' && state.stream !== undefined) {
    const { resumes, idleResumes = 0 } = state.stream;
    const counts = { resumes: resumes + 1, idleResumes: idleResumes + 1, resumedAtMs: nowMs };
    return { ...state, calls, stream: { ...state.stream, ...counts } };
  }
  return { ...state, calls };
}

export function operationOf(call: RunCall): CallOperation {
  if (call === 'adopt' || call === 'resume') return 'retrieve';
  return call === 'find' || call === 'fetchOutput' ? 'list' : call;
}

function activate(
  before: OpenState,
  event: Extract<RunEvent, { type: 'activated' }>,
  context: DecideContext,
): Decision {
  const known = withoutFuture(before, context.nowMs);
  const state = withCancel(known, event.cancelRequestedAtMs, context);
  const itsTurn = state.phase === 'accepted' && state.inLane === true && event.turn === 'free';
  const mayAct =
    state.cancel !== before.cancel || event.wokenBy !== null || itsTurn || event.candidate !== undefined;
  const early = state.wakeAtMs - context.nowMs > earlyToleranceMs;
  if (early && !mayAct) return { state, next: { type: 'wait', untilMs: state.wakeAtMs } };

  switch (state.phase) {
    case 'accepted':
      return start(state, event.turn ?? 'free', context);
    case 'creating':
      return search(withCandidate(state, event.candidate, context.nowMs), context);
    case 'following':
      return follow(withWord(state, event.wokenBy, context.nowMs), event.wokenBy, context);
    case 'fetching':
      return fetchOrGiveUp(state, context);
    default: {
      const never: never = state;
      return never;
    }
  }
}

function start(state: AcceptedState, turn: 'free' | 'busy', context: DecideContext): Decision {
  if (state.cancel !== null)
    return end(state, cancelledOutcome(state.cancel.reason, context.nowMs, null), context);
  if (turn === 'busy') {
    const checkMs = context.policy.laneCheckMs * (0.5 + context.random);
    return wait({ ...state, inLane: true }, context.nowMs + checkMs, context);
  }
  const { inLane: _inLane, ...rest } = state;
  return { state: rest, next: { type: 'call', call: 'create' } };
}

function withCancel<S extends OpenState>(state: S, requestedAtMs: number | null, context: DecideContext): S {
  if (state.cancel !== null) return state;
  if (requestedAtMs !== null) return { ...state, cancel: { reason: 'caller', atMs: context.nowMs } };
  if (context.nowMs >= context.spec.deadlineAtMs) {
    return { ...state, cancel: { reason: 'deadline', atMs: context.nowMs } };
  }
  return state;
}

function follow(before: FollowingState, wokenBy: FoundBy | 'tools' | null, context: DecideContext): Decision {
  const { cancel } = before;
  if (cancel === null && isAsking(before)) return lookForAnswers(before, wokenBy, context);
  if (cancel === null) {
    const listened = followStream(before, context);
    if (listened !== null) return listened;
    const later = wokenBy === null ? putOff(before, context) : null;
    return later ?? { state: before, next: { type: 'call', call: 'retrieve' } };
  }
  if (before.asking?.over === true)
    return end(before, cancelledOutcome(cancel.reason, context.nowMs, null), context);
  const state = withoutAsking(before);
  if (context.nowMs >= giveUpAtMs(state, cancel.atMs, context)) {
    const trouble = state.faultStreak > 0 ? ` Its last call failed: ${state.lastFault?.message ?? ''}` : '';
    const note = `The provider did not confirm it in time.${trouble}`;
    return end(state, cancelledOutcome(cancel.reason, context.nowMs, note), context);
  }
  return { state, next: { type: 'call', call: state.cancelSentAtMs === null ? 'cancel' : 'retrieve' } };
}

/** An end that was told is as good as one that was seen. */
function streamed(
  state: OpenState,
  { snapshot, lastSeenAtMs }: Extract<RunEvent, { type: 'streamed' }>,
  context: DecideContext,
): Decision {
  if (state.phase !== 'following') return wait(state, context.nowMs, context);
  if (isStrangers(state, snapshot, context))
    return { state: withoutStream(state), next: { type: 'call', call: 'retrieve' } };
  const seenAtMs = Math.max(state.lastLookAtMs, Math.min(lastSeenAtMs, context.nowMs));
  return decideReply({ ...withoutStream(state), lastLookAtMs: seenAtMs }, 'retrieve', snapshot, context);
}

/** The run is over and paid for: its output is waited for until the deadline, and given up only then. */
function fetchOrGiveUp(state: FetchingState, context: DecideContext): Decision {
  if (state.cancel === null) return { state, next: { type: 'call', call: 'fetchOutput' } };
  if (context.nowMs >= giveUpAtMs(state, state.cancel.atMs, context)) {
    return end(state, fetchedOutcome(state, null), context);
  }
  return { state, next: { type: 'call', call: 'fetchOutput' } };
}

/** A create of unknown fate: look for the run where that can be done, but not for ever. */
function search(state: CreatingState, context: DecideContext): Decision {
  const { cancel } = state;
  if (cancel !== null && context.nowMs >= giveUpAtMs(state, cancel.atMs, context)) {
    return end(state, cancelledOutcome(cancel.reason, context.nowMs, unansweredNote), context);
  }
  if (state.candidate !== undefined) return { state, next: { type: 'call', call: 'adopt' } };
  return context.canFind ? { state, next: { type: 'call', call: 'find' } } : unfound(state, context);
}

function notAdopted(state: RunState, context: DecideContext): Decision {
  return unfound(state.phase === 'creating' ? withoutCandidate(state, context.nowMs) : state, context);
}

/** A create of unknown fate, and the run not found (yet). */
function unfound(state: RunState, context: DecideContext): Decision {
  if (state.phase !== 'creating') return wait(state, context.nowMs, context);
  const endMs = quarantineEndMs(state, context);
  // Webhooks may stop meanwhile: it is asked again each time that a quarantine would be over without them.
  const untilMs = Math.min(endMs, Math.max(context.nowMs, state.intentAtMs) + context.policy.quarantineMs);
  if (context.nowMs < endMs)
    return wait(
      state,
      context.canFind ? findAgainAt(state, context) : inspectAt(state, untilMs, context),
      context,
    );
  if (state.cancel !== null) {
    const note = context.canFind
      ? null
      : 'Its create was never answered, so it may still run at the provider.';
    return end(state, cancelledOutcome(state.cancel.reason, context.nowMs, note), context);
  }
  // A list that does not show the run after the quarantine is proof that there is none.
  if (context.canFind || context.spec.onAmbiguous === 'retry')
    return { state, next: { type: 'call', call: state.continues === undefined ? 'create' : 'submit' } };
  return end(state, ambiguousOutcome(context.spec, context.nowMs), context);
}

/** More webhooks may have come meanwhile than may be looked at. */
function inspectAt(state: CreatingState, untilMs: number, { nowMs }: DecideContext): number {
  return Math.min(nextInspectionMs(state, nowMs), untilMs);
}

/** The provider has heard us, and shows nothing. */
function isNo({ type }: FaultDetails): boolean {
  return type === 'not_found' || type === 'refused';
}

function findAgainAt(state: CreatingState, context: DecideContext): number {
  // Grows with the time since the intent: soon at first, a handful of lists in all.
  return context.nowMs + Math.max(1000, context.nowMs - state.intentAtMs);
}

/** What a decision is made of, and the two ways every decision can end: waiting, and the run's end. */

import type { FaultDetails } from './fault.ts';
import type { RunPolicy } from './policy.ts';
import type { PollSchedule } from './poll-schedule.ts';
import { type LookReason, withLook } from './look-log.ts';
import {
  type EndedState,
  type FetchingState,
  type FollowingState,
  type FoundBy,
  type HeldPermit,
  lasting,
  type RunOutcome,
  type RunSpec,
  type RunState,
} from './run.ts';
import type { ProviderSnapshot, RunOutput } from './snapshot.ts';

/** The calls that a decision can ask for. `find` looks for a run whose create reply was lost. */
export type RunCall = 'create' | 'find' | 'retrieve' | 'cancel' | 'fetchOutput';

export type RunEvent =
  /** A worker took the job up: its time has come, or somebody woke it. */
  | {
      readonly type: 'activated';
      readonly wokenBy: FoundBy | null;
      readonly cancelRequestedAtMs: number | null;
      /** Of a run that has a lane and has not started; absent: nothing to wait for. */
      readonly turn?: 'free' | 'busy';
    }
  | {
      readonly type: 'replied';
      readonly call: 'create' | 'retrieve' | 'cancel';
      readonly snapshot: ProviderSnapshot;
    }
  | { readonly type: 'found'; readonly snapshot: ProviderSnapshot | null }
  | { readonly type: 'outputFetched'; readonly output: RunOutput }
  | { readonly type: 'faulted'; readonly call: RunCall; readonly fault: FaultDetails };

export type Next =
  /** Ask the rate gate for a permit, then `beginCall`, then make the call. */
  | { readonly type: 'call'; readonly call: RunCall }
  | { readonly type: 'wait'; readonly untilMs: number }
  | { readonly type: 'end'; readonly outcome: RunOutcome }
  /** It ended before, and the worker that ended it died before telling everybody. */
  | { readonly type: 'settle' };

export interface Decision {
  readonly state: RunState;
  readonly next: Next;
}

export interface DecideContext {
  readonly nowMs: number;
  /** A draw from [0, 1). */
  readonly random: number;
  readonly spec: RunSpec;
  readonly policy: RunPolicy;
  readonly schedule: PollSchedule;
  /** Whether this provider can look for a run by our id (`find`) with these arguments. */
  readonly canFind: boolean;
  /** Who told us to look, for the record. */
  readonly foundBy: FoundBy;
}

/** Waits, but never past what must happen next by itself: the deadline, then the end of a cancel's grace. */
export function wait(state: RunState, untilMs: number, context: DecideContext): Decision {
  const latestMs =
    state.cancel === null ? context.spec.deadlineAtMs : giveUpAtMs(state, state.cancel.atMs, context);
  // Never in the past or at once: a wrong clock must not make a hot loop.
  const wakeAtMs = Math.max(context.nowMs + 1, Math.min(untilMs, latestMs));
  return { state: { ...state, wakeAtMs }, next: { type: 'wait', untilMs: wakeAtMs } };
}

/** Notes a look that was answered, or that failed. */
export function noteLook<S extends FollowingState | FetchingState>(state: S, context: DecideContext): S {
  const ageMs = Math.max(0, Math.round(context.nowMs - state.startedAtMs));
  return { ...state, lookLog: withLook(state.lookLog, [ageMs, lookReasonOf(state, context)]) };
}

function lookReasonOf(state: FollowingState | FetchingState, { foundBy }: DecideContext): LookReason {
  if (foundBy !== 'poll') return foundBy;
  if (state.cancel !== null) return 'cancel';
  return state.faultStreak > 0 ? 'fault' : (state.lookReason ?? 'backoff');
}

/** No call is permitted before then. `permit`: the place that it has in the queue; null for none. */
export function postpone(
  state: RunState,
  untilMs: number,
  permit: HeldPermit | null,
  context: DecideContext,
): Decision {
  const held = permit === null ? withoutPermit(state) : { ...state, permit };
  return wait(
    held.phase === 'following' ? { ...held, lookReason: 'quota' as const } : held,
    untilMs,
    context,
  );
}

/** The call is on its way, or will not be made. */
export function withoutPermit<S extends RunState>(state: S): S {
  const { permit: _permit, ...rest } = state;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an optional field less is still the same state
  return rest as S;
}

/** When a cancelled run ends without the provider's word for it. A create of unknown fate has its quarantine first. */
export function giveUpAtMs(state: RunState, cancelAtMs: number, { policy }: DecideContext): number {
  const graceEndMs = cancelAtMs + policy.cancelGraceMs;
  return state.phase === 'creating'
    ? Math.max(graceEndMs, state.intentAtMs + policy.quarantineMs)
    : graceEndMs;
}

export function end(state: RunState, outcome: RunOutcome, context: DecideContext): Decision {
  return { state: endedState(state, outcome, context.nowMs), next: { type: 'end', outcome } };
}

/** What is kept of a run's state once its outcome is known. */
export function endedState(state: RunState, { status }: RunOutcome, nowMs: number): EndedState {
  const known = state.phase === 'following' || state.phase === 'fetching' ? state : null;
  return {
    v: 1,
    ...lasting(state),
    phase: 'ended',
    wakeAtMs: nowMs,
    calls: state.calls,
    cancel: state.cancel,
    faultStreak: 0,
    lastFault: state.lastFault,
    status,
    providerRunId: known?.providerRunId ?? null,
    threadId: known?.threadId ?? null,
    startedAtMs: known?.startedAtMs ?? null,
    ...(known?.ageFromMs === undefined ? {} : { ageFromMs: known.ageFromMs }),
    ...(known?.lookLog === undefined ? {} : { lookLog: known.lookLog }),
  };
}

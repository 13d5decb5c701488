/** What a decision is made of, and the two ways every decision can end: waiting, and the run's end. */

import type { FaultDetails } from './fault.ts';
import type { RunPolicy } from './policy.ts';
import type { PollSchedule } from './poll-schedule.ts';
import { type LookReason, withLook } from './look-log.ts';
import {
  type Continued,
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
import type { EndedSnapshot, ProviderSnapshot, RunOutput, ToolCall } from './snapshot.ts';
import type { RunningStatus } from './status.ts';
import { sumUsage, type TimedAnswer } from './tools.ts';

/**
 * The calls that a decision can ask for. `find` looks for a run whose create reply was lost; `adopt` retrieves one that
 * may be it; `resume` opens its stream of events again.
 */
export type RunCall =
  | 'create'
  | 'find'
  | 'adopt'
  | 'retrieve'
  | 'resume'
  | 'submit'
  | 'cancel'
  | 'fetchOutput';

export type RunEvent =
  /** A worker took the job up: its time has come, or somebody woke it. */
  | {
      readonly type: 'activated';
      /** `tools`: answers have come. */
      readonly wokenBy: FoundBy | 'tools' | null;
      readonly cancelRequestedAtMs: number | null;
      /** Of a run whose create was not answered: an id at the provider that may be its own. */
      readonly candidate?: string;
      /** Of a run that has a lane and has not started; absent: nothing to wait for. */
      readonly turn?: 'free' | 'busy';
    }
  | {
      readonly type: 'replied';
      readonly call: 'create' | 'adopt' | 'retrieve' | 'submit' | 'cancel';
      readonly snapshot: ProviderSnapshot;
    }
  | { readonly type: 'found'; readonly snapshot: ProviderSnapshot | null }
  /** The calls of a round have been given to those who answer them. */
  | { readonly type: 'handedOut' }
  /** What there is of their answers. */
  | { readonly type: 'collected'; readonly answers: ReadonlyMap<string, TimedAnswer> }
  /** The stream's last event. `lastSeenAtMs`: when the one before it came. */
  | { readonly type: 'streamed'; readonly snapshot: EndedSnapshot; readonly lastSeenAtMs: number }
  /** The stream is open again, after this event; null where somebody reads it already, and no call was made. */
  | { readonly type: 'resumed'; readonly seq: number | null }
  | { readonly type: 'outputFetched'; readonly output: RunOutput }
  | { readonly type: 'faulted'; readonly call: RunCall; readonly fault: FaultDetails };

export type Next =
  /** Ask the rate gate for a permit, then `beginCall`, then make the call. */
  | { readonly type: 'call'; readonly call: RunCall }
  /** Give the calls of a round to those who answer them, each once. */
  | { readonly type: 'handOut'; readonly calls: readonly ToolCall[] }
  /** Read the answers that have come. */
  | { readonly type: 'collect' }
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
  /** Whether a run that was not created could go to another account of its pool. Default false. */
  readonly canMove?: boolean;
  /** Whether webhooks come, so that one will tell of this run's end. Default false. */
  readonly willBeTold?: boolean;
  /** Who told us to look, for the record. */
  readonly foundBy: FoundBy;
  /** Absent for a run without a stream. */
  readonly stream?: StreamView;
}

/** What is known of a run's stream of events. */
export interface StreamView {
  /** A process reads it now. */
  readonly held: boolean;
  /** What it last said of the run; null when it has not. */
  readonly status: RunningStatus | null;
  /** This process may open it. */
  readonly canResume: boolean;
  /** Of one that was just begun after another: where its text begins in the run's output. */
  readonly offset?: number;
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

export function end(state: RunState, ending: RunOutcome, context: DecideContext): Decision {
  const outcome = wholeOutcome(state, ending);
  return { state: endedState(state, outcome, context.nowMs), next: { type: 'end', outcome } };
}

/** With the tokens of all its provider runs; and a cancel that tools caused is a failure. */
function wholeOutcome({ cancel, tools }: RunState, outcome: RunOutcome): RunOutcome {
  const usage = sumUsage(tools?.formerUsage ?? null, outcome.usage);
  const cut = outcome.status === 'cancelled' || outcome.status === 'timed_out';
  return cut && cancel?.error !== undefined
    ? { ...outcome, usage, status: 'failed', error: cancel.error }
    : { ...outcome, usage };
}

/** What is kept of a run's state once its outcome is known. */
export function endedState(state: RunState, { status }: RunOutcome, nowMs: number): EndedState {
  const known = thereOf(state);
  return {
    v: 1,
    ...lasting(state),
    phase: 'ended',
    wakeAtMs: nowMs,
    calls: state.calls,
    ...lasting(state),
    cancel: state.cancel,
    faultStreak: 0,
    lastFault: state.lastFault,
    status,
    providerRunId: known?.providerRunId ?? null,
    threadId: known?.threadId ?? null,
    startedAtMs: known?.startedAtMs ?? null,
    ...(known === null || !('ageFromMs' in known) || known.ageFromMs === undefined
      ? {}
      : { ageFromMs: known.ageFromMs }),
    ...(known?.lookLog === undefined ? {} : { lookLog: known.lookLog }),
  };
}

/** What is known of the provider's run, or of the one whose answers were on their way to the next. */
function thereOf(state: RunState): FollowingState | FetchingState | Continued | null {
  if (state.phase === 'following' || state.phase === 'fetching') return state;
  return state.phase === 'creating' ? (state.continues ?? null) : null;
}

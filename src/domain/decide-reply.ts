/** What an answer of the provider means for a run. */

import { type DecideContext, type Decision, end, noteLook, wait } from './decision.ts';
import { backToStream, isListenedTo, listenOn } from './decide-stream.ts';
import { asked, isAskedBy, isFormer, submitSeen, withoutAsking } from './decide-tools.ts';
import { waitToLook } from './next-look.ts';
import { providerOutcome } from './outcome.ts';
import { type Continued, type FetchingState, type FollowingState, lasting, type RunState } from './run.ts';
import type { EndedSnapshot, ProviderSnapshot, RunningSnapshot } from './snapshot.ts';
import { noToolProgress, type ToolProgress } from './tools.ts';
import { withoutWord, wordAfterLook } from './word.ts';

type RepliedCall = 'create' | 'find' | 'adopt' | 'retrieve' | 'submit' | 'cancel';

export function decideReply(
  state: RunState,
  call: RepliedCall,
  snapshot: ProviderSnapshot,
  context: DecideContext,
): Decision {
  if (state.phase === 'creating' && isFormer(state, snapshot.providerRunId))
    return wait(state, state.intentAtMs + context.policy.quarantineMs, context);
  const before = state.phase === 'following' ? state.asking : undefined;
  const known =
    state.phase === 'following'
      ? withoutAsking(answered(state, call, snapshot, context))
      : adopted(state, call, snapshot, context);
  if (isAskedBy(snapshot, known, context)) {
    // Its id goes on record before its calls are handed out: else a worker that dies then leaves a create in doubt.
    if (state.phase !== 'following')
      return wait({ ...known, status: 'in_progress', toolCalls: [] }, context.nowMs, context);
    return asked(known, before, snapshot, context);
  }
  return snapshot.phase === 'ended'
    ? over(known, snapshot, context)
    : running(known, call, snapshot, context);
}

/** The provider's run exists now: created, or found again after its create's reply was lost. */
function adopted(
  state: RunState,
  call: RepliedCall,
  snapshot: ProviderSnapshot,
  context: DecideContext,
): FollowingState {
  const startedAtMs =
    (call === 'find' || call === 'adopt') && state.phase === 'creating'
      ? foundStartMs(state.intentAtMs, snapshot.createdAtMs, context)
      : context.nowMs;
  const continues = state.phase === 'creating' ? state.continues : undefined;
  return {
    v: 1,
    ...lasting(state),
    phase: 'following',
    wakeAtMs: state.wakeAtMs,
    calls: state.calls,
    cancel: state.cancel,
    faultStreak: 0,
    lastFault: state.lastFault,
    ...statusFields(snapshot),
    providerRunId: snapshot.providerRunId,
    threadId: snapshot.threadId,
    startedAtMs: continues?.startedAtMs ?? startedAtMs,
    expiresAtMs: snapshot.expiresAtMs,
    lastLookAtMs: startedAtMs,
    looks: 0,
    troubleSinceMs: null,
    cancelSentAtMs: null,
    ...(continues === undefined
      ? lasting(state)
      : takenOver(state, continues, startedAtMs, outputOf(snapshot, context))),
    ...((call === 'create' || call === 'submit') && context.stream !== undefined
      ? { stream: { providerRunId: snapshot.providerRunId, resumes: 0, resumedAtMs: context.nowMs } }
      : {}),
  };
}

/** By its own stamp, which may be nonsense: it began after our intent (but for the stamp's whole second), and before now. */
function foundStartMs(intentAtMs: number, stampMs: number | null, { nowMs }: DecideContext): number {
  return Math.min(nowMs, Math.max(intentAtMs - 1000, stampMs ?? intentAtMs));
}

function outputOf(
  { providerRunId }: ProviderSnapshot,
  { stream }: DecideContext,
): Pick<ToolProgress, 'output'> {
  return stream?.offset === undefined ? {} : { output: { providerRunId, offset: stream.offset } };
}

/** The response that takes the answers goes on for the one that asked. */
function takenOver(
  { tools = noToolProgress }: RunState,
  { providerRunId, lookLog }: Continued,
  ageFromMs: number,
  output: Pick<ToolProgress, 'output'>,
): Pick<FollowingState, 'tools' | 'ageFromMs' | 'lookLog'> {
  return {
    tools: { ...tools, ...output, formerRunIds: [...tools.formerRunIds, providerRunId] },
    ageFromMs,
    ...(lookLog === undefined ? {} : { lookLog }),
  };
}

function answered(
  state: FollowingState,
  call: RepliedCall,
  snapshot: ProviderSnapshot,
  context: DecideContext,
): FollowingState {
  const common = {
    ...(call === 'retrieve' ? noteLook(withoutWord(state), context) : state),
    ...(call === 'retrieve' ? wordAfterLook(state.word, context) : {}),
    ...submitSeen(state, snapshot, call),
    ...statusFields(snapshot),
    expiresAtMs: snapshot.expiresAtMs ?? state.expiresAtMs,
    faultStreak: 0,
    troubleSinceMs: null,
    // What ended it was not missed before: the miss stays the last look that saw it running.
    lastLookAtMs: snapshot.phase === 'ended' ? state.lastLookAtMs : context.nowMs,
  };
  // The end is near after a cancel, and a submit is a new start, so the backoff starts afresh.
  if (call === 'cancel') return { ...common, cancelSentAtMs: context.nowMs, looks: 0 };
  return { ...common, looks: call === 'submit' ? 0 : state.looks + 1 };
}

function statusFields(
  snapshot: ProviderSnapshot,
): Pick<FollowingState, 'status' | 'rawStatus' | 'toolCalls'> {
  return snapshot.phase === 'running'
    ? { status: snapshot.status, rawStatus: snapshot.rawStatus, toolCalls: snapshot.toolCalls }
    : { status: 'in_progress', rawStatus: snapshot.status, toolCalls: [] };
}

function running(
  state: FollowingState,
  call: RepliedCall,
  snapshot: RunningSnapshot,
  context: DecideContext,
): Decision {
  // A cancel that was asked for while the create was out goes next; only `cancelSentAtMs` says that it went.
  if (state.cancel !== null && state.cancelSentAtMs === null)
    return { state, next: { type: 'call', call: 'cancel' } };
  if (call === 'find' && context.nowMs - state.startedAtMs > 1000) {
    return { state, next: { type: 'call', call: 'retrieve' } };
  }
  if (isListenedTo(state, context)) return listenOn(state, context);
  return backToStream(state, context) ?? waitToLook(state, snapshot, context);
}

function over(state: FollowingState, snapshot: EndedSnapshot, context: DecideContext): Decision {
  const ended = {
    status: snapshot.status,
    error: snapshot.error,
    usage: snapshot.usage,
    endedAtMs: snapshot.endedAtMs,
    detectedAtMs: context.nowMs,
    foundBy: context.foundBy,
  };
  if (snapshot.output === 'separate') {
    const { status: _status, ...rest } = state;
    const fetching: FetchingState = { ...rest, phase: 'fetching', ended };
    return { state: fetching, next: { type: 'call', call: 'fetchOutput' } };
  }
  const outcome = providerOutcome(ended, snapshot.output, state.lastLookAtMs, state.cancel?.reason ?? null);
  return end(state, outcome, context);
}

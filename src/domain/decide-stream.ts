/** A run whose events are read as they come: nobody looks while somebody listens. */

import { type DecideContext, type Decision, noteLook, type StreamView, wait } from './decision.ts';
import { backoffDelayMs } from './poll-schedule.ts';
import type { FollowingState } from './run.ts';

/** Of the backoff: a stream that tells something before each break is opened every four seconds at most. */
const stepsToSteady = 2;

/** What to do at an activation of a run that is not being cancelled; null where its stream is no help: look. */
export function followStream(state: FollowingState, context: DecideContext): Decision | null {
  const { stream } = state;
  if (stream === undefined || context.stream === undefined || stream.providerRunId !== state.providerRunId)
    return null;
  if (context.stream.held) return listen(state, context.stream, context);
  const { idleResumes = 0 } = stream;
  if (!context.stream.canResume || idleResumes >= context.policy.maxIdleResumes) return null;
  // It told nothing the last time: the run may be over, and its stream may never say so.
  if (idleResumes > 0 && state.lastLookAtMs <= stream.resumedAtMs) return null;
  // The first break may be anybody's; a stream that breaks again and again is given time. One that lasts longer than
  // that, as behind a proxy that cuts every minute, goes on at once.
  const pauseMs =
    stream.resumes === 0
      ? 0
      : backoffDelayMs(context.policy.faultBackoff, idleResumes + stepsToSteady, context.random);
  const dueAtMs = stream.resumedAtMs + pauseMs;
  return dueAtMs > context.nowMs
    ? wait({ ...state, lookReason: 'stream' }, dueAtMs, context)
    : { state, next: { type: 'call', call: 'resume' } };
}

function listen(state: FollowingState, { status }: StreamView, context: DecideContext): Decision | null {
  const seen = status === null ? state : { ...state, status, rawStatus: status };
  if (state.word === undefined) return listenOn(seen, context);
  // A webhook told of the end, and the stream does not: it has a little time, then it may hang.
  const lookAtMs = state.word.atMs + context.policy.streamLagMs;
  return context.nowMs < lookAtMs ? wait({ ...seen, lookReason: 'webhook' }, lookAtMs, context) : null;
}

/** The stream is open again. `seq`: after which event; null where somebody reads it already, and no call was made. */
export function resumed(state: FollowingState, seq: number | null, context: DecideContext): Decision {
  if (seq === null) return listenOn(state, context);
  const answered = { ...noteLook(state, context), faultStreak: 0, troubleSinceMs: null };
  const { stream } = state;
  if (stream === undefined || seq <= (stream.seq ?? -1)) return listenOn(answered, context);
  return listenOn({ ...answered, stream: { ...stream, seq, idleResumes: 0 } }, context);
}

/** After a look that found the run still going: its stream, where nobody reads it, is opened again. Null: look again. */
export function backToStream(state: FollowingState, context: DecideContext): Decision | null {
  const isUnread = context.stream?.held === false && state.word === undefined && state.cancel === null;
  return isUnread ? followStream(state, context) : null;
}

/** Nobody needs to look: a process reads its stream, and nobody else told of an end. */
export function isListenedTo({ stream, word, cancel }: FollowingState, context: DecideContext): boolean {
  return context.stream?.held === true && stream !== undefined && word === undefined && cancel === null;
}

/** Its end wakes the run; the wait is for the end of a holder that died. */
export function listenOn(state: FollowingState, context: DecideContext): Decision {
  return wait({ ...state, lookReason: 'stream' }, context.nowMs + context.policy.streamCheckMs, context);
}

/** Its events have all been told, or will not be told again: from now on the run is looked at. */
export function withoutStream(state: FollowingState): FollowingState {
  const { stream: _stream, ...rest } = state;
  return rest;
}

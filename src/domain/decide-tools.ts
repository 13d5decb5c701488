/**
 * The rounds of tools in a run's life: it asks, its calls are handed out, it waits holding nothing, and all answers go
 * to the provider in one submit. A state that waits for answers is `following` with `asking`.
 */

import { type DecideContext, type Decision, end, wait } from './decision.ts';
import type { FaultDetails } from './fault.ts';
import { cancelledOutcome, toolFailureOutcome } from './outcome.ts';
import { backoffDelayMs } from './poll-schedule.ts';
import {
  type Continued,
  type CreatingState,
  type FollowingState,
  type FoundBy,
  lasting,
  type RunError,
  type RunState,
} from './run.ts';
import { askKey, distinctCalls, isSameAsk } from './same-ask.ts';
import type { EndedSnapshot, ProviderSnapshot, ToolCall } from './snapshot.ts';
import { noted, notesOf } from './tool-notes.ts';
import {
  noToolProgress,
  slimCalls,
  sumUsage,
  type Asking,
  type SubmittedRound,
  type TimedAnswer,
} from './tools.ts';

/** An answer that nobody told us of is looked for so often; each wait is as long as the one before it was late. */
const leastCheckMs = 1000;
const mostCheckMs = 60_000;
/** A run can be answered `expired` a moment after its stamp says so. */
const expirySlackMs = 1000;

type Waiting = FollowingState & { readonly asking: Asking };

export function isAsking(state: RunState): state is Waiting {
  return state.phase === 'following' && state.asking !== undefined;
}

/** Whether the run asks for tools that we shall have answered; or would have, and is over without an answer. */
export function isAskedBy(
  snapshot: ProviderSnapshot,
  { cancel }: FollowingState,
  { spec }: DecideContext,
): boolean {
  if ((snapshot.toolCalls ?? []).length === 0) return false;
  return snapshot.phase === 'running'
    ? snapshot.status === 'requires_action' && cancel === null
    : snapshot.status === 'completed' && spec.tools.routes !== null;
}

/** The run stands still until its calls are answered. `before`: what we knew of that already. */
export function asked(
  state: FollowingState,
  before: Asking | undefined,
  snapshot: ProviderSnapshot,
  context: DecideContext,
): Decision {
  if (snapshot.phase === 'ended') return askedAtEnd(state, snapshot, context);
  const calls = distinctCalls(snapshot.toolCalls);
  const sent = state.tools?.submitted;
  if (sent !== undefined && isSameAsk(sent, calls))
    return askedAgain({ ...state, toolCalls: slimCalls(calls) }, sent, context);
  const waiting = { ...state, toolCalls: slimCalls(calls), asking: before ?? { sinceMs: context.nowMs } };
  return before === undefined
    ? nextRound(waiting, calls, context)
    : { state: waiting, next: { type: 'collect' } };
}

/** The provider's run is over, and another one takes the answers. */
function askedAtEnd(state: FollowingState, snapshot: EndedSnapshot, context: DecideContext): Decision {
  const tools = state.tools ?? noToolProgress;
  const calls = distinctCalls(snapshot.toolCalls ?? []);
  const waiting: Waiting = {
    ...state,
    status: 'requires_action',
    rawStatus: snapshot.status,
    toolCalls: slimCalls(calls),
    // Nothing expires a response that is over.
    expiresAtMs: null,
    asking: { sinceMs: context.nowMs, over: true },
    tools: {
      ...tools,
      formerUsage: sumUsage(tools.formerUsage, snapshot.usage),
      carriedTokens: snapshot.usage?.totalTokens ?? tools.carriedTokens ?? 0,
    },
  };
  // It completed before its cancel came, but only to ask: there is no answer, and will be none.
  if (state.cancel !== null)
    return end(waiting, cancelledOutcome(state.cancel.reason, context.nowMs, null), context);
  return nextRound(waiting, calls, context);
}

function nextRound(state: Waiting, calls: readonly ToolCall[], context: DecideContext): Decision {
  const tools = state.tools ?? noToolProgress;
  const { maxRounds } = context.spec.tools;
  if (tools.round >= maxRounds) {
    const message = `The run asked for tools again after ${maxRounds} rounds. Raise max_tool_rounds if it needs more.`;
    return failBecauseOfTools(state, { code: 'max_tool_rounds', message, retryable: false }, context);
  }
  const { submitted: _submitted, ...rest } = tools;
  return {
    state: { ...state, tools: { ...rest, round: tools.round + 1 } },
    next: { type: 'handOut', calls },
  };
}

/** The calls that were just answered are shown again: stale for a moment, or the answer never arrived. */
function askedAgain(state: FollowingState, sent: SubmittedRound, context: DecideContext): Decision {
  const { nowMs, policy } = context;
  const ageMs = nowMs - sent.atMs;
  if (sent.fate === 'unknown' && ageMs >= policy.resubmitAfterMs) {
    const waiting: Waiting = { ...state, asking: { sinceMs: nowMs } };
    return { state: waiting, next: { type: 'collect' } };
  }
  if (sent.fate === 'refused' && ageMs >= policy.refusedSubmitMs) {
    const reason = state.lastFault?.message ?? 'no reason given';
    const message = `The provider refused the answers of the tools: ${reason}`;
    return failBecauseOfTools(state, { code: 'tool_outputs_refused', message, retryable: false }, context);
  }
  const delayMs = backoffDelayMs(policy.cancelBackoff, state.looks, context.random);
  const stale = { ...state, status: 'in_progress', toolCalls: [], lookReason: 'backoff' } as const;
  return wait(stale, nowMs + delayMs, context);
}

/** A worker took up a run that waits for answers. */
export function lookForAnswers(
  state: Waiting,
  wokenBy: FoundBy | 'tools' | null,
  context: DecideContext,
): Decision {
  const expired = state.expiresAtMs !== null && context.nowMs >= state.expiresAtMs + expirySlackMs;
  if (state.asking.over !== true && (expired || wokenBy === 'webhook' || wokenBy === 'stream'))
    return { state, next: { type: 'call', call: 'retrieve' } };
  return { state, next: { type: 'collect' } };
}

export function waitForAnswers(state: Waiting, context: DecideContext): Decision {
  const { nowMs } = context;
  const waitedMs = nowMs - state.asking.sinceMs;
  const gapMs = Math.min(mostCheckMs, Math.max(leastCheckMs, waitedMs));
  const expiryMs = state.expiresAtMs === null ? Infinity : state.expiresAtMs + expirySlackMs;
  const untilMs = nowMs < expiryMs ? Math.min(nowMs + gapMs, expiryMs) : nowMs + gapMs;
  return wait({ ...state, lookReason: 'expiry' }, untilMs, context);
}

/** What there is of answers to the calls of the round. */
export function collected(
  state: Waiting,
  answers: ReadonlyMap<string, TimedAnswer>,
  context: DecideContext,
): Decision {
  const notes = notesOf(state, state.toolCalls, answers);
  const known = noted(state, notes);
  const failed = notes.find(([, , , result]) => result !== 'ok');
  if (failed !== undefined && context.spec.tools.onError === 'fail') {
    const [, id, name] = failed;
    const found = answers.get(id)?.answer;
    const reason = found !== undefined && 'error' in found ? found.error.message.slice(0, 500) : '';
    const message = `The tool ${name} failed, and the run was told to fail then: ${reason}`;
    return failBecauseOfTools(known, { code: 'tool_failed', message, retryable: false }, context);
  }
  if (notes.length < state.toolCalls.length) return waitForAnswers(known, context);
  return { state: known, next: { type: 'call', call: 'submit' } };
}

/** A run that waits for nothing at its provider ends here; another is cancelled there first. */
function failBecauseOfTools(state: FollowingState, error: RunError, context: DecideContext): Decision {
  if (state.asking?.over === true) return end(state, toolFailureOutcome(error, context.nowMs), context);
  const cancel = { reason: 'tools', atMs: context.nowMs, error } as const;
  return { state: { ...withoutAsking(state), cancel }, next: { type: 'call', call: 'cancel' } };
}

export function withoutAsking(state: FollowingState): FollowingState {
  const { asking: _asking, ...rest } = state;
  return rest;
}

/** The state to hold while the answers are on their way: they may arrive though no reply does. */
export function beginSubmit(state: FollowingState | CreatingState, nowMs: number): RunState {
  if (state.phase === 'creating') return { ...state, intentAtMs: nowMs };
  if (state.asking?.over === true) {
    const { v, wakeAtMs, calls, cancel, faultStreak, lastFault } = state;
    const base = { v, wakeAtMs, calls, cancel, faultStreak, lastFault, ...lasting(state) };
    return { ...base, phase: 'creating', intentAtMs: nowMs, continues: continuedOf(state) };
  }
  const callIds = state.toolCalls.map(({ id }) => id);
  const submitted = { callIds, key: askKey(state.toolCalls), atMs: nowMs, fate: 'unknown' } as const;
  return {
    ...withoutAsking(state),
    status: 'in_progress',
    // From here on it goes on by itself, if the answers arrive: also where no reply says so.
    ageFromMs: nowMs,
    lastLookAtMs: nowMs,
    looks: 0,
    tools: { ...(state.tools ?? noToolProgress), submitted },
  };
}

function continuedOf(state: FollowingState): Continued {
  const { providerRunId, threadId, startedAtMs, toolCalls, asking, lookLog } = state;
  return {
    providerRunId,
    threadId,
    startedAtMs,
    toolCalls,
    sinceMs: asking?.sinceMs ?? startedAtMs,
    ...(lookLog === undefined ? {} : { lookLog }),
  };
}

/** The provider said that it took nothing: the run waits with its answers in hand. */
export function unsubmitted(state: CreatingState, continues: Continued): Waiting {
  const { intentAtMs: _intentAtMs, continues: _continues, ...base } = state;
  const { sinceMs, ...there } = continues;
  return {
    ...base,
    ...there,
    phase: 'following',
    status: 'requires_action',
    rawStatus: 'completed',
    expiresAtMs: null,
    lastLookAtMs: sinceMs,
    looks: 0,
    troubleSinceMs: null,
    cancelSentAtMs: null,
    asking: { sinceMs, over: true },
  };
}

/** A submit to a run that goes on came to nothing, or perhaps not. */
export function submitFault(
  state: FollowingState,
  fault: FaultDetails,
  context: DecideContext,
): FollowingState {
  const tools = state.tools ?? noToolProgress;
  const { submitted, ...rest } = tools;
  switch (fault.type) {
    case 'throttled':
    case 'unavailable':
    case 'unauthorized':
      return { ...state, tools: rest, status: 'requires_action', asking: { sinceMs: context.nowMs } };
    case 'conflict':
    case 'refused':
      return submitted === undefined
        ? state
        : { ...state, tools: { ...rest, submitted: { ...submitted, fate: 'refused' } } };
    case 'not_found':
    case 'unclear':
      return state;
    default: {
      const never: never = fault.type;
      return never;
    }
  }
}

/** What an answer says of the last submit: its reply, or anything but the old calls, shows that it arrived. */
export function submitSeen(
  state: FollowingState,
  snapshot: ProviderSnapshot,
  call: string,
): Pick<FollowingState, 'tools'> {
  const submitted = state.tools?.submitted;
  if (state.tools === undefined || submitted === undefined || submitted.fate === 'taken') return {};
  const stale = snapshot.phase === 'running' && isSameAsk(submitted, snapshot.toolCalls);
  if (call !== 'submit' && stale) return {};
  return { tools: { ...state.tools, submitted: { ...submitted, fate: 'taken' } } };
}

/** A provider run that this one has left behind: word of it, however late, is no word of its successor. */
export function isFormer(state: CreatingState, providerRunId: string): boolean {
  return (
    state.continues?.providerRunId === providerRunId ||
    (state.tools?.formerRunIds.includes(providerRunId) ?? false)
  );
}

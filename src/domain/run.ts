/**
 * A run: what was asked (`RunSpec`, never changes) and how far it is (`RunState`, small, rewritten at every step).
 * The provider's request itself, which may be megabytes, is in neither.
 */

import type { FaultDetails } from './fault.ts';
import type { CallClass } from './limiter/classes.ts';
import type { LookNote, LookReason } from './look-log.ts';
import type { RunOutput, ToolCall, Usage, EndedSnapshot, RunningSnapshot } from './snapshot.ts';
import type { RunKind, RunStatus, TerminalStatus } from './status.ts';
import type { Asking, ToolProgress, ToolRules } from './tools.ts';

export type FollowMode = 'auto' | 'poll' | 'webhook' | 'stream';
export type FoundBy = 'poll' | 'webhook' | 'stream';
/** What to do when a create may or may not have happened, and the provider cannot tell. */
export type OnAmbiguous = 'fail' | 'retry';

/**
 * What can be seen of a run before it starts, and tells how long it may take. Short words (64 characters at most) that
 * name things, never anything of a prompt.
 */
export interface RunTraits {
  readonly model?: string;
  readonly reasoningEffort?: string;
  /** The assistant or the stored prompt. */
  readonly template?: string;
  /** Names of the tools that it may call. */
  readonly tools?: string;
}

/** What the caller asked for, apart from the provider's request. Times in milliseconds since the epoch. */
export interface RunSpec {
  readonly id: string;
  readonly kind: RunKind;
  readonly follow: FollowMode;
  readonly acceptedAtMs: number;
  readonly deadlineAtMs: number;
  readonly label: string | null;
  readonly lane: string | null;
  readonly onAmbiguous: OnAmbiguous;
  readonly metadata: Readonly<Record<string, string>>;
  /** Who is told of the end by a POST; null: nobody. */
  readonly callbackUrl: string | null;
  /** The name of the API key that sent the run; null without keys. */
  readonly owner: string | null;
  /** The account or pool that carries it; null: the default account. */
  readonly account: string | null;
  /** Null: whoever sent it did not say; they can be read off its request. */
  readonly traits: RunTraits | null;
  /** The delay that one look is worth; null: the fleet's own price. */
  readonly pollCostMs: number | null;
  /** No two looks further apart; null: the fleet's own bound. */
  readonly maxDelayMs: number | null;
  readonly tools: ToolRules;
  /** 0 goes first, larger later; its tool calls alike. */
  readonly priority: number;
}

/** The operations of a provider, each one API call. `list` reads a thread's messages or runs. */
export const callOperations = ['create', 'retrieve', 'submit', 'cancel', 'list'] as const;
export type CallOperation = (typeof callOperations)[number];
export type CallCounts = Readonly<Record<CallOperation, number>>;

export const noCalls: CallCounts = { create: 0, retrieve: 0, submit: 0, cancel: 0, list: 0 };

export function totalCalls(calls: CallCounts): number {
  return calls.create + calls.retrieve + calls.submit + calls.cancel + calls.list;
}

/** Why the provider's run is being cancelled. The first reason stands. */
export interface CancelIntent {
  readonly reason: 'caller' | 'deadline' | 'tools';
  readonly atMs: number;
  /** Of reason `tools`: what the run ends with. */
  readonly error?: RunError;
}

/** The place in the quota's queue of the call that comes next. */
export interface HeldPermit {
  readonly callClass: CallClass;
  readonly ticket: string;
}

/** Who told of a run, when, and how many looks since then found nothing new. */
export interface Word {
  readonly by: FoundBy;
  readonly atMs: number;
  readonly looks: number;
}

interface StateBase {
  readonly v: 1;
  /** Only while a call waits for the quota. */
  readonly permit?: HeldPermit;
  /**
   * Whose quota, key and runs: written with the intent to create, and the same from then on. Before that it stands as
   * long as `permit`, which is this account's.
   */
  readonly account?: string;
  /** When to look again. */
  readonly wakeAtMs: number;
  readonly calls: CallCounts;
  readonly cancel: CancelIntent | null;
  /** Faults in a row, for their backoff; an answer resets it. */
  readonly faultStreak: number;
  readonly lastFault: FaultDetails | null;
  /** Once it has asked for tools. */
  readonly tools?: ToolProgress;
}

/** Nothing has been sent. */
export interface AcceptedState extends StateBase {
  readonly phase: 'accepted';
  /** It waits for its turn in its lane. */
  readonly inLane?: true;
}

/** A create is out, or its reply was lost: the provider's run may exist. Written **before** the call. */
export interface CreatingState extends StateBase {
  readonly phase: 'creating';
  readonly intentAtMs: number;
  /** An id at the provider that may be this run's: a webhook told of it, and nobody knew it. */
  readonly candidate?: string;
  /** Candidates that turned out to be others', and when the next may be looked at. */
  readonly inspections?: number;
  readonly inspectAfterMs?: number;
  /** Candidates that the provider did not show, and may yet. */
  readonly missed?: readonly MissedCandidate[];
  /** A response that asked for tools: what is being created is the one that takes the answers. */
  readonly continues?: Continued;
}

export interface MissedCandidate {
  readonly id: string;
  /** When it was first looked at. */
  readonly sinceMs: number;
  readonly againAtMs: number;
}

/** What a run takes along from a response that asked for tools to the next one. */
export interface Continued extends Pick<
  FollowingState,
  'providerRunId' | 'threadId' | 'startedAtMs' | 'toolCalls' | 'lookLog'
> {
  /** Since when the calls were answered or waited for. */
  readonly sinceMs: number;
}

/** The provider's run exists, and we look at it from time to time. */
export interface FollowingState extends StateBase {
  readonly phase: 'following';
  readonly status: RunningSnapshot['status'];
  /** The provider's own word for it, kept so that an unknown one is logged once. */
  readonly rawStatus: string;
  readonly providerRunId: string;
  readonly threadId: string | null;
  /** Our clock, when the create (or the adoption) was answered. */
  readonly startedAtMs: number;
  /**
   * Since when it goes on by itself, where that is later than its start: its tools were answered then, or another
   * response took over. Looks are timed, and durations learnt, from here: waiting for tools is no duration.
   */
  readonly ageFromMs?: number;
  readonly expiresAtMs: number | null;
  readonly lastLookAtMs: number;
  /** Looks that found it still going; the backoff's exponent. */
  readonly looks: number;
  readonly toolCalls: readonly ToolCall[];
  /** It waits for the answers to `toolCalls`, which have been handed out. */
  readonly asking?: Asking;
  /** Since when looks are answered 404, or 401; null while they are answered. */
  readonly troubleSinceMs: number | null;
  readonly cancelSentAtMs: number | null;
  /** Somebody told us that it has news, and no answer has shown it yet. */
  readonly word?: Word;
  /** Why the next look is due when it is. Absent in states of older versions, as is the log. */
  readonly lookReason?: LookReason;
  /** When that look is due, where `wakeAtMs` comes sooner: to ask again whether it is worth it by then. */
  readonly lookAtMs?: number;
  /** The latest looks. */
  readonly lookLog?: readonly LookNote[];
  /** It was created as a stream of events. Absent: it can only be looked at. */
  readonly stream?: StreamState;
}

export interface StreamState {
  /** Whose events: a run that goes on as another one at its provider leaves its stream behind. */
  readonly providerRunId: string;
  /** How often it had to be opened again. */
  readonly resumes: number;
  /** The last event that was known when it was opened again. */
  readonly seq?: number;
  /** How often it was opened again since it last told anything. */
  readonly idleResumes?: number;
  /** When it was last opened. */
  readonly resumedAtMs: number;
}

/** Over at the provider; its output costs one more call. */
export interface FetchingState extends Omit<FollowingState, 'phase' | 'status'> {
  readonly phase: 'fetching';
  readonly ended: Ending;
}

/** Our end of the run. Final: what the provider says later is noted, not acted upon. */
export interface EndedState extends StateBase {
  readonly phase: 'ended';
  readonly status: TerminalStatus;
  readonly providerRunId: string | null;
  readonly threadId: string | null;
  readonly startedAtMs: number | null;
  readonly ageFromMs?: number;
  readonly lookLog?: readonly LookNote[];
}

export type RunState = AcceptedState | CreatingState | FollowingState | FetchingState | EndedState;

/** What was learnt at the look that found the provider's run over. */
export interface Ending {
  readonly status: EndedSnapshot['status'];
  readonly error: EndedSnapshot['error'];
  readonly usage: Usage | null;
  /** The provider's whole-second stamp, milliseconds. */
  readonly endedAtMs: number | null;
  readonly detectedAtMs: number;
  readonly foundBy: FoundBy;
}

export interface RunError {
  readonly code: string;
  readonly message: string;
  /** Whether the same run, sent again, may well succeed. */
  readonly retryable: boolean;
}

/** How a run ended: written once, together with `EndedState`, and never changed. */
export interface RunOutcome {
  readonly status: TerminalStatus;
  readonly error: RunError | null;
  readonly output: RunOutput | null;
  readonly usage: Usage | null;
  /** Best estimate of when the provider's run was over; null when there was none or it is unknown. */
  readonly completedAtMs: number | null;
  readonly detectedAtMs: number;
  /** How long it took us to notice; null when `completedAtMs` is. */
  readonly detectionDelayMs: number | null;
  readonly foundBy: FoundBy | null;
}

/** Where a run's age is counted from, for its schedule and for what is learnt of it. */
export function ageFromMsOf(state: Pick<FollowingState, 'startedAtMs' | 'ageFromMs'>): number {
  return state.ageFromMs ?? state.startedAtMs;
}

export function initialState(wakeAtMs: number): AcceptedState {
  return {
    v: 1,
    phase: 'accepted',
    wakeAtMs,
    calls: noCalls,
    cancel: null,
    faultStreak: 0,
    lastFault: null,
  };
}

/** What stays with a run through all its phases. */
export function lasting({ account, tools }: RunState): Pick<StateBase, 'account' | 'tools'> {
  return { ...(account === undefined ? {} : { account }), ...(tools === undefined ? {} : { tools }) };
}

/** The status that callers see. */
export function statusOf(state: RunState): RunStatus {
  switch (state.phase) {
    case 'accepted':
    case 'creating':
      return state.phase;
    case 'following':
      if (state.cancel !== null && state.cancelSentAtMs !== null) return 'cancelling';
      return state.status === 'unknown' ? 'in_progress' : state.status;
    case 'fetching':
      return 'in_progress';
    case 'ended':
      return state.status;
    default: {
      const never: never = state;
      return never;
    }
  }
}

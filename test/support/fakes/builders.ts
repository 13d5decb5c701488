/** Small builders: every field has a plain value, and a test names only what it is about. */

import type { FaultDetails, FaultType } from '../../../src/domain/fault.ts';
import {
  type AcceptedState,
  type CreatingState,
  type EndedState,
  type Ending,
  type FetchingState,
  type FollowingState,
  initialState,
  type RunOutcome,
  type RunSpec,
} from '../../../src/domain/run.ts';
import type { EndedSnapshot, RunningSnapshot } from '../../../src/domain/snapshot.ts';
import type { ProviderEnding } from '../../../src/domain/status.ts';
import { noToolRules } from '../../../src/domain/tools.ts';
import { type JobData, type JobDataInput, jobData } from '../../../src/domain/wire/job-data.ts';

/** 2026-01-01T00:00:00Z: a whole second, as the stamps of providers are. */
export const t0 = Date.UTC(2026, 0, 1);
export const seconds = (n: number): number => n * 1000;

export function aSpec(patch: Partial<RunSpec> = {}): RunSpec {
  return {
    id: 'run-1',
    kind: 'responses',
    follow: 'auto',
    acceptedAtMs: t0,
    deadlineAtMs: t0 + seconds(600),
    label: null,
    lane: null,
    onAmbiguous: 'fail',
    metadata: {},
    priority: 0,
    callbackUrl: null,
    owner: null,
    account: null,
    traits: null,
    pollCostMs: null,
    maxDelayMs: null,
    tools: noToolRules,
    ...patch,
  };
}

export function someData(patch: Partial<JobDataInput> = {}): JobData {
  return jobData.parse({ request: { model: 'gpt-5', input: 'Hello' }, ...patch });
}

export function accepted(patch: Partial<AcceptedState> = {}): AcceptedState {
  return { ...initialState(t0), ...patch };
}

/** A create that was sent at `t0`. */
export function creating(patch: Partial<CreatingState> = {}): CreatingState {
  return {
    ...initialState(t0),
    calls: { create: 1, retrieve: 0, submit: 0, cancel: 0, list: 0 },
    phase: 'creating',
    intentAtMs: t0,
    ...patch,
  };
}

/** A run that was created at `t0` and never looked at. */
export function following(patch: Partial<FollowingState> = {}): FollowingState {
  return {
    ...initialState(t0),
    calls: { create: 1, retrieve: 0, submit: 0, cancel: 0, list: 0 },
    phase: 'following',
    status: 'in_progress',
    rawStatus: 'in_progress',
    providerRunId: 'prov-1',
    threadId: null,
    startedAtMs: t0,
    expiresAtMs: null,
    lastLookAtMs: t0,
    looks: 0,
    toolCalls: [],
    troubleSinceMs: null,
    cancelSentAtMs: null,
    ...patch,
  };
}

export function anEnding(status: ProviderEnding = 'completed', patch: Partial<Ending> = {}): Ending {
  return {
    status,
    error: null,
    usage: null,
    endedAtMs: null,
    detectedAtMs: t0 + seconds(10),
    foundBy: 'poll',
    ...patch,
  };
}

/** A run that was seen to be over ten seconds after `t0`; its output is still to be read. */
export function fetching(patch: Partial<FetchingState> = {}): FetchingState {
  const { status: _status, ...rest } = following();
  return { ...rest, phase: 'fetching', ended: anEnding(), ...patch };
}

export function ended(patch: Partial<EndedState> = {}): EndedState {
  return {
    ...initialState(t0),
    phase: 'ended',
    status: 'completed',
    providerRunId: 'prov-1',
    threadId: null,
    startedAtMs: t0,
    ...patch,
  };
}

export function running(
  status: RunningSnapshot['status'] = 'in_progress',
  patch: Partial<RunningSnapshot> = {},
): RunningSnapshot {
  return { ...snapshotBase, phase: 'running', status, rawStatus: status, toolCalls: [], ...patch };
}

/** A status that nobody has heard of. */
export function unheardOf(rawStatus: string): RunningSnapshot {
  return running('unknown', { rawStatus });
}

export function over(
  status: ProviderEnding = 'completed',
  patch: Partial<EndedSnapshot> = {},
): EndedSnapshot {
  const output = status === 'completed' ? { text: 'Hello yourself.', items: [{ type: 'message' }] } : null;
  return { ...snapshotBase, phase: 'ended', status, endedAtMs: null, error: null, output, ...patch };
}

const snapshotBase = {
  providerRunId: 'prov-1',
  threadId: null,
  createdAtMs: null,
  expiresAtMs: null,
  pollAfterMs: null,
  usage: null,
};

const httpStatusOf: Readonly<Record<FaultType, number | null>> = {
  unauthorized: 401,
  not_found: 404,
  throttled: 429,
  conflict: 409,
  refused: 400,
  unavailable: 500,
  unclear: null,
};

export function aFault(type: FaultType, patch: Partial<FaultDetails> = {}): FaultDetails {
  return {
    type,
    code: `some_${type}`,
    message: `It is ${type}.`,
    httpStatus: httpStatusOf[type],
    retryAfterMs: null,
    ...patch,
  };
}

export function anOutcome(patch: Partial<RunOutcome> = {}): RunOutcome {
  return {
    status: 'completed',
    error: null,
    output: { text: 'Hello yourself.', items: [{ type: 'message' }] },
    usage: { inputTokens: 3, outputTokens: 5, totalTokens: 8 },
    completedAtMs: t0 + seconds(9),
    detectedAtMs: t0 + seconds(10),
    detectionDelayMs: 1000,
    foundBy: 'poll',
    ...patch,
  };
}

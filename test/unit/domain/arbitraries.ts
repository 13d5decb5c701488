/** Any state, any event, any time: also such as no life of a run would bring together. */

import * as fc from 'fast-check';
import type { RunEvent } from '../../../src/domain/decision.ts';
import { type FaultDetails, faultTypes } from '../../../src/domain/fault.ts';
import type {
  AcceptedState,
  CreatingState,
  EndedState,
  FetchingState,
  FollowingState,
  RunState,
} from '../../../src/domain/run.ts';
import type { ProviderSnapshot } from '../../../src/domain/snapshot.ts';
import { providerEndings, runningStatuses, terminalStatuses } from '../../../src/domain/status.ts';
import {
  accepted,
  aFault,
  anEnding,
  aSpec,
  creating,
  ended,
  fetching,
  following,
  over,
  running,
  seconds,
  t0,
} from '../../support/fakes/builders.ts';

/** The deadline of the runs below. */
export const deadlineMs = seconds(600);

/** Milliseconds from before `t0` to long after the deadline. */
export const time = fc.integer({ min: -seconds(3600), max: seconds(7200) }).map((ms) => t0 + ms);
const now = fc.integer({ min: 0, max: 2 * deadlineMs }).map((ms) => t0 + ms);
const pause = fc.nat({ max: seconds(86_400) });
const orNull = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(of, { nil: null });

export const fault: fc.Arbitrary<FaultDetails> = fc
  .record({ type: fc.constantFrom(...faultTypes), retryAfterMs: orNull(pause) })
  .map(({ type, retryAfterMs }) => aFault(type, { retryAfterMs }));

const stamps = {
  runId: fc.constantFrom(null, 'run-other', aSpec().id),
  createdAtMs: orNull(time),
  expiresAtMs: orNull(time),
  pollAfterMs: orNull(pause),
};

const toolCalls = fc.constantFrom(
  [],
  [{ id: 'call_1', name: 'add', arguments: '{}' }],
  ['call_1', 'call_2'].map((id) => ({ id, name: 'add', arguments: 'x'.repeat(5000) })),
);

const endedSnapshot = fc
  .record({
    status: fc.constantFrom(...providerEndings),
    endedAtMs: orNull(time),
    output: fc.constantFrom('separate' as const, null, { text: 'Hi.', items: [] }),
    error: orNull(fc.constant({ code: 'server_error', message: 'It broke.' })),
    toolCalls,
    ...stamps,
  })
  .map(({ status, ...rest }) => over(status, rest));

export const snapshot: fc.Arbitrary<ProviderSnapshot> = fc.oneof(
  fc
    .record({ status: fc.constantFrom(...runningStatuses, 'unknown' as const), toolCalls, ...stamps })
    .map(({ status, ...rest }) => running(status, rest)),
  endedSnapshot,
);

const counts = fc.record({
  create: fc.nat({ max: 9 }),
  retrieve: fc.nat({ max: 9 }),
  submit: fc.nat({ max: 9 }),
  cancel: fc.nat({ max: 9 }),
  list: fc.nat({ max: 9 }),
});

const base = {
  // While no cancel is pending, nothing is ever parked beyond the deadline.
  wakeAtMs: fc.integer({ min: -1000, max: deadlineMs }).map((ms) => t0 + ms),
  calls: counts,
  cancel: orNull(fc.record({ reason: fc.constantFrom('caller' as const, 'deadline' as const), atMs: now })),
  faultStreak: fc.nat({ max: 2000 }),
  lastFault: orNull(fault),
};

const there = {
  ...base,
  rawStatus: fc.constantFrom('in_progress', 'pondering'),
  startedAtMs: time,
  expiresAtMs: orNull(time),
  lastLookAtMs: time,
  looks: fc.nat({ max: 2000 }),
  troubleSinceMs: orNull(now),
  cancelSentAtMs: orNull(now),
};

const word = orNull(
  fc.record({ by: fc.constant('webhook' as const), atMs: now, looks: fc.nat({ max: 2000 }) }),
);
const candidate = orNull(fc.constant('resp_candidate'));

const acceptedState: fc.Arbitrary<AcceptedState> = fc.record(base).map(accepted);
const creatingState: fc.Arbitrary<CreatingState> = fc
  .record({ ...base, intentAtMs: now, inspections: fc.nat({ max: 99 }), inspectAfterMs: now, candidate })
  .map(({ candidate: id, ...rest }) => creating({ ...rest, ...(id === null ? {} : { candidate: id }) }));
const submitted = fc.record({
  callIds: fc.constantFrom(['call_1'], ['call_9']),
  atMs: now,
  fate: fc.constantFrom('taken' as const, 'unknown' as const, 'refused' as const),
});
const tools = fc.option(
  fc.record(
    {
      round: fc.integer({ min: 1, max: 21 }),
      formerRunIds: fc.constantFrom([], ['prov-0', 'prov-1']),
      formerUsage: fc.constantFrom(null, { inputTokens: 1, outputTokens: 2, totalTokens: 3 }),
      notes: fc.constant([]),
      submitted,
    },
    { requiredKeys: ['round', 'formerRunIds', 'formerUsage', 'notes'] },
  ),
  { nil: undefined },
);
const asking = fc.constantFrom(undefined, { sinceMs: t0 }, { sinceMs: t0, over: true } as const);
const streamState = fc.record(
  {
    providerRunId: fc.constantFrom('prov-1', 'prov-0'),
    resumes: fc.nat({ max: 12 }),
    resumedAtMs: time,
    seq: fc.nat({ max: 9 }),
    idleResumes: fc.nat({ max: 12 }),
  },
  { requiredKeys: ['providerRunId', 'resumes', 'resumedAtMs'] },
);
const followingState: fc.Arbitrary<FollowingState> = fc
  .record({
    ...there,
    status: fc.constantFrom(...runningStatuses, 'unknown' as const),
    toolCalls,
    tools,
    asking,
    word,
    stream: fc.option(streamState, { nil: undefined }),
    lookReason: fc.constantFrom('learned' as const, 'webhook' as const, 'stream' as const),
  })
  .map(({ tools: some, asking: is, word: given, stream, ...rest }) =>
    following({
      ...rest,
      ...(some && { tools: some }),
      ...(is && { asking: is }),
      ...(given && { word: given }),
      ...(stream && { stream }),
    }),
  );
const fetchingState: fc.Arbitrary<FetchingState> = fc
  .record({ ...there, ended: fc.constantFrom(...providerEndings).map((status) => anEnding(status)) })
  .map(fetching);

export const openState: fc.Arbitrary<RunState> = fc.oneof(
  acceptedState,
  creatingState,
  followingState,
  fetchingState,
);

export const endedState: fc.Arbitrary<EndedState> = fc
  .record({ ...base, status: fc.constantFrom(...terminalStatuses) })
  .map(ended);

const awake = {
  type: fc.constant('activated' as const),
  wokenBy: fc.constantFrom(null, 'poll' as const, 'webhook' as const, 'stream' as const, 'tools' as const),
  cancelRequestedAtMs: orNull(now),
};
export const activation: fc.Arbitrary<RunEvent> = fc.oneof(
  fc.record(awake),
  fc.record({ ...awake, candidate: fc.constant('resp_candidate') }),
);

export const event: fc.Arbitrary<RunEvent> = fc.oneof(
  activation,
  fc.record({
    type: fc.constant('replied' as const),
    call: fc.constantFrom(
      'create' as const,
      'adopt' as const,
      'retrieve' as const,
      'submit' as const,
      'cancel' as const,
    ),
    snapshot,
  }),
  fc.record({ type: fc.constant('found' as const), snapshot: orNull(snapshot) }),
  fc.constant({ type: 'handedOut' } as const),
  fc.constantFrom([], ['call_1'], ['call_1', 'call_2']).map((ids) => {
    const answer = { answer: { output: '42' }, startedAtMs: null, endedAtMs: t0 };
    return { type: 'collected', answers: new Map(ids.map((id) => [id, answer])) } as const;
  }),
  fc.record({ type: fc.constant('streamed' as const), snapshot: endedSnapshot, lastSeenAtMs: time }),
  fc.record({ type: fc.constant('resumed' as const), seq: orNull(fc.nat({ max: 9 })) }),
  fc.constant({ type: 'outputFetched', output: { text: 'Hi.', items: [] } } as const),
  fc.record({
    type: fc.constant('faulted' as const),
    call: fc.constantFrom(
      'create' as const,
      'find' as const,
      'adopt' as const,
      'retrieve' as const,
      'submit' as const,
      'resume' as const,
      'cancel' as const,
      'fetchOutput' as const,
    ),
    fault,
  }),
);

const streamView = fc.record({
  held: fc.boolean(),
  status: fc.constantFrom(null, 'queued' as const, 'in_progress' as const),
  canResume: fc.boolean(),
});

/** What of the context may vary. */
export const circumstances = fc
  .record({
    nowMs: now,
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    canFind: fc.boolean(),
  })
  .chain((patch) =>
    orNull(streamView).map((stream) => (stream === null ? patch : Object.assign({ stream }, patch))),
  );

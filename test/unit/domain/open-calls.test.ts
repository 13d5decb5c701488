import { expect, it } from 'vitest';
import { leftCalls } from '../../../src/domain/open-calls.ts';
import type { RunState } from '../../../src/domain/run.ts';
import { noToolProgress, type SubmittedRound } from '../../../src/domain/tools.ts';
import { accepted, creating, ended, following } from '../../support/fakes/builders.ts';

const call = { id: 'c1', name: 'add', arguments: '{}' };
const tools = { ...noToolProgress, round: 1, notes: [[1, 'c1', 'add', 'ok', null, 5] as const] };
const submitted = (fate: SubmittedRound['fate']) => ({
  tools: { ...tools, submitted: { callIds: ['c1'], atMs: 0, fate } },
});

const asking = following({ toolCalls: [call], asking: { sinceMs: 0 }, tools });
const sent = following(submitted('unknown'));
const continued = { providerRunId: 'prov-1', threadId: null, startedAtMs: 0, toolCalls: [call], sinceMs: 0 };
const continuing = creating({ tools, continues: continued });

it.each<[string, RunState, RunState, number]>([
  ['it waits for them', asking, asking, 0],
  ['their answers are on their way', asking, sent, 0],
  ['the submit came to nothing', sent, asking, 0],
  ['the run was cancelled', asking, ended(), 1],
  ['the provider has taken their answers', sent, following(submitted('taken')), 1],
  ['the provider has refused their answers', sent, following(submitted('refused')), 1],
  ['the next round is there', sent, { ...asking, tools: { ...tools, round: 2 } }, 1],
  ['another response is being created', asking, continuing, 0],
  ['another response has taken over', continuing, following({ tools }), 1],
  ['nobody knows whether another response has taken over', continuing, ended({ tools }), 1],
  ['the run has not asked', accepted(), creating(), 0],
])('%s', (_what, before, after, left) => {
  expect(leftCalls(before, after)).toHaveLength(left);
});

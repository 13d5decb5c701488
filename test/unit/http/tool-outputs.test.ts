import { expect, it } from 'vitest';
import type { FollowingState } from '../../../src/domain/run.ts';
import { following, someData } from '../../support/fakes/builders.ts';
import { startApp, type TestApp } from '../../support/http/test-app.ts';

const toolCalls = ['c1', 'c2'].map((id) => ({ id, name: 'ask', arguments: '{}' }));
const tools = { round: 1, formerRunIds: [], formerUsage: null, notes: [] };
const asking = { status: 'requires_action', toolCalls, asking: { sinceMs: 5000 }, tools } as const;

async function withRun(state: Partial<FollowingState> = asking): Promise<TestApp> {
  const app = await startApp();
  await app.store.add('run-1', someData({ tools: { mode: 'manual' } }));
  await app.store.claim('run-1')?.park(following({ wakeAtMs: app.clock.nowMs() + 60_000, ...state }));
  await app.answers.open('run-1', 1, toolCalls);
  return app;
}

const path = '/v1/runs/run-1/tool-outputs';
const body = (...ids: string[]) => ({
  tool_outputs: ids.map((tool_call_id) => ({ tool_call_id, output: `of ${tool_call_id}` })),
});

it('keeps answers as they come, and wakes the run with the last one', async () => {
  const app = await withRun();
  app.clock.advance(1000);
  const first = await app.call('POST', path, body('c1'));
  expect(first.status).toBe(202);
  expect(await first.json()).toMatchObject({ status: 'requires_action' });
  expect(app.store.dueAtMs('run-1')).toBeGreaterThan(app.clock.nowMs());
  expect((await app.call('POST', path, body('c2'))).status).toBe(202);
  expect(app.store.dueAtMs('run-1')).toBe(app.clock.nowMs());
  const answers = await app.answers.read('run-1', 1, ['c1', 'c2']);
  expect(answers.get('c1')).toEqual({
    answer: { output: 'of c1' },
    startedAtMs: 5000,
    endedAtMs: app.clock.nowMs(),
  });
});

it('lets the first answer stand', async () => {
  const app = await withRun();
  await app.call('POST', path, body('c1'));
  const again = { tool_outputs: [{ tool_call_id: 'c1', output: 'another' }] };
  expect((await app.call('POST', path, again)).status).toBe(202);
  const answers = await app.answers.read('run-1', 1, ['c1']);
  expect(answers.get('c1')?.answer).toEqual({ output: 'of c1' });
});

it('takes a repetition for nothing when the run has gone on', async () => {
  const notes = [[1, 'c1', 'ask', 'ok', null, 1]] as const;
  const app = await withRun({ status: 'in_progress', tools: { ...tools, notes } });
  expect((await app.call('POST', path, body('c1'))).status).toBe(202);
  expect((await app.call('POST', path, body('c2'))).status).toBe(409);
});

it.each([
  ['a call that nobody made', body('c1', 'c9'), '/tool_outputs/1/tool_call_id'],
  [
    'an output that the provider would refuse',
    { tool_outputs: [{ tool_call_id: 'c1', output: 'x'.repeat(1001) }] },
    '/tool_outputs/0/output',
  ],
  ['no output', { tool_outputs: [{ tool_call_id: 'c1' }] }, '/tool_outputs/0/output'],
  ['nothing', { tool_outputs: [] }, '/tool_outputs'],
  ['another field', { ...body('c1'), force: true }, '/force'],
])('refuses %s, and keeps none of it', async (_, sent, pointer) => {
  const app = await withRun();
  const answer = await app.call('POST', path, sent);
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ errors: [{ pointer }] });
  await expect(app.answers.unanswered('run-1', 1)).resolves.toHaveLength(2);
});

it('says when nothing is waited for, and when there is no such run', async () => {
  const app = await withRun({ status: 'in_progress' });
  const answer = await app.call('POST', path, body('c1'));
  expect(answer.status).toBe(409);
  expect(await answer.json()).toMatchObject({ type: '/docs#problem-tools-not-awaited' });
  expect((await app.call('POST', '/v1/runs/none/tool-outputs', body('c1'))).status).toBe(404);
});

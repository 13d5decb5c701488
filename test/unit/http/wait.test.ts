import { expect, test } from 'vitest';
import { runView } from '../../../src/domain/wire/run-view.ts';
import { following } from '../../support/fakes/builders.ts';
import { eventually } from '../../support/fakes/eventually.ts';
import { completedOutcome, endedState } from '../../support/http/endings.ts';
import { startApp, type TestApp } from '../../support/http/test-app.ts';

async function start(): Promise<{ app: TestApp; id: string }> {
  const app = await startApp();
  const answer = await app.call('POST', '/v1/runs', { request: { model: 'x' } });
  return { app, id: runView.parse(await answer.json()).id };
}

/** Resolves when the request waits. */
async function waiting(app: TestApp, id: string, count = 1): Promise<void> {
  await eventually(() => expect(app.events.listenerCount(id)).toBe(count));
}

test('a wait ends with the run', async () => {
  const { app, id } = await start();
  const answer = app.call('GET', `/v1/runs/${id}?wait=60`);
  await waiting(app, id);
  await app.store.claim(id)?.commit(endedState, completedOutcome);
  await app.events.publish({ runId: id, status: 'completed', atMs: 0 });
  expect(await (await answer).json()).toMatchObject({ status: 'completed', output_text: 'SECRET-ANSWER' });
  await waiting(app, id, 0);
});

test('a wait ends when the run asks for tools', async () => {
  const { app, id } = await start();
  const answer = app.call('GET', `/v1/runs/${id}?wait=60`);
  await waiting(app, id);
  const toolCalls = [{ id: 'c1', name: 'weather', arguments: '{}' }];
  await app.store.claim(id)?.park(following({ status: 'requires_action', toolCalls }));
  await app.events.publish({ runId: id, status: 'requires_action', atMs: 0 });
  expect(await (await answer).json()).toMatchObject({
    status: 'requires_action',
    required_action: { tool_calls: toolCalls },
  });
});

test('when the time is over, the run comes as it is', async () => {
  const { app, id } = await start();
  const answer = await app.call('GET', `/v1/runs/${id}?wait=0.05`);
  expect([answer.status, await answer.json()]).toMatchObject([200, { status: 'accepted' }]);
  await waiting(app, id, 0);
});

test('wait=0 does not wait', async () => {
  const { app, id } = await start();
  expect(await (await app.call('GET', `/v1/runs/${id}?wait=0`)).json()).toMatchObject({ status: 'accepted' });
});

test('a wait for a run that does not exist is a 404 at once', async () => {
  const { app } = await start();
  expect((await app.call('GET', '/v1/runs/nobody?wait=60')).status).toBe(404);
});

test('when the process stops, all waits are answered at once, and new ones too', async () => {
  const { app, id } = await start();
  const answers = [1, 2, 3].map(() => app.call('GET', `/v1/runs/${id}?wait=60`));
  await waiting(app, id, 3);
  app.stop.abort();
  for (const answer of await Promise.all(answers)) expect(answer.status).toBe(200);
  expect((await app.call('GET', `/v1/runs/${id}?wait=60`)).status).toBe(200);
});

test('a caller who hangs up leaves nothing behind', async () => {
  const { app, id } = await start();
  const caller = new AbortController();
  const answer = fetch(`${app.url}/v1/runs/${id}?wait=60`, { signal: caller.signal });
  await waiting(app, id);
  caller.abort();
  await expect(answer).rejects.toThrow('aborted');
  await waiting(app, id, 0);
  expect(app.log.filter(({ level }) => Number(level) > 20)).toEqual([]);
});

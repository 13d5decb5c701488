import { expect, test } from 'vitest';
import { runList, runView } from '../../../src/domain/wire/run-view.ts';
import { completedOutcome, endedState } from '../../support/http/endings.ts';
import { startApp, type TestApp } from '../../support/http/test-app.ts';

const good = { request: { model: 'gpt-5' }, label: 'nightly', metadata: { a: 'b' }, deadline_seconds: 60 };

const many = (count: number) => ({ runs: Array.from({ length: count }, () => good) });

async function create(app: TestApp, body: unknown = good): Promise<string> {
  const answer = await app.call('POST', '/v1/runs', body);
  return runView.parse(await answer.json()).id;
}

async function end(app: TestApp, id: string): Promise<void> {
  await app.store.claim(id)?.commit(endedState, completedOutcome);
  app.store.finish(id);
}

test('a run is accepted, and the answer is what a read gives', async () => {
  const app = await startApp();
  const answer = await app.call('POST', '/v1/runs', { ...good, lane: 'x' });
  const run = runView.parse(await answer.json());
  expect(answer.status).toBe(202);
  expect(answer.headers.get('location')).toBe(`/v1/runs/${run.id}`);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect(answer.headers.get('x-powered-by')).toBeNull();
  expect(run).toMatchObject({ status: 'accepted', label: 'nightly', lane: 'x', metadata: { a: 'b' } });
  const read = await app.call('GET', `/v1/runs/${run.id}`);
  expect(await read.json()).toEqual(run);
});

test('an accepted run is answered 202 although Redis goes away right after', async () => {
  const app = await startApp();
  const { store } = app;
  const add = store.add.bind(store);
  store.add = async (...args) => {
    await add(...args);
    store.unavailable = true;
  };
  expect((await app.call('POST', '/v1/runs', good)).status).toBe(202);
});

test('the lane of the provider is in the answer', async () => {
  const app = await startApp();
  const body = { kind: 'assistants', request: { assistant_id: 'a', thread_id: 'thread_1' } };
  const answer = await app.call('POST', '/v1/runs', body);
  expect(await answer.json()).toMatchObject({ kind: 'assistants', lane: 'thread_1' });
});

test('the same key and the same meaning: the first run again', async () => {
  const app = await startApp();
  const headers = { 'idempotency-key': 'k' };
  const first = await app.call('POST', '/v1/runs', '{"request":{"model":"x","a":1},"label":"l"}', headers);
  const again = await app.call(
    'POST',
    '/v1/runs',
    '{ "label":"l", "request":{"a":1, "model":"x"} }',
    headers,
  );
  expect([first.status, again.status]).toEqual([202, 200]);
  expect([first.headers.get('idempotent-replayed'), again.headers.get('idempotent-replayed')]).toEqual([
    null,
    'true',
  ]);
  expect(again.headers.get('location')).toBe(first.headers.get('location'));
  expect(await again.json()).toEqual(await first.json());
  expect((await app.store.list({ limit: 10 })).runs).toHaveLength(1);
});

test('the same key and another body: 409', async () => {
  const app = await startApp();
  const headers = { 'idempotency-key': 'k' };
  await app.call('POST', '/v1/runs', good, headers);
  const other = await app.call('POST', '/v1/runs', { ...good, label: 'other' }, headers);
  expect(other.status).toBe(409);
  expect(await other.json()).toMatchObject({ type: '/docs#problem-idempotency-mismatch' });
});

test('an idempotency key is the caller’s own', async () => {
  const apiKeys = [
    { name: 'ann', key: 'A', scopes: ['enqueue'] },
    { name: 'bob', key: 'B', scopes: ['enqueue'] },
  ] as const;
  const app = await startApp({ apiKeys });
  const as = (key: string) =>
    app.call('POST', '/v1/runs', good, { authorization: `Bearer ${key}`, 'idempotency-key': 'k' });
  const answers = [await as('A'), await as('B'), await as('A')];
  expect(answers.map(({ status }) => status)).toEqual([202, 202, 200]);
  const { runs } = await app.store.list({ limit: 10 });
  expect(new Set(runs.map(({ spec }) => spec.owner))).toEqual(new Set(['ann', 'bob']));
});

test('bulk: each on its own, in order', async () => {
  const app = await startApp();
  const body = { runs: [good, { request: {} }, 3, { ...good, label: 'last' }] };
  const answer = await app.call('POST', '/v1/runs/bulk', body);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({
    runs: [
      { run: { label: 'nightly' } },
      { error: { status: 400, errors: [{ pointer: '/request/model', detail: 'Required.' }] } },
      { error: { status: 400, errors: [{ pointer: '' }] } },
      { run: { label: 'last' } },
    ],
  });
  expect((await app.store.list({ limit: 10 })).runs).toHaveLength(2);
});

test('bulk: up to 1000, with no key', async () => {
  const app = await startApp();
  expect((await app.call('POST', '/v1/runs/bulk', many(1001))).status).toBe(400);
  expect(await (await app.call('POST', '/v1/runs/bulk', many(0))).json()).toEqual({ runs: [] });
  const full = await app.call('POST', '/v1/runs/bulk', many(1000));
  expect(await full.json()).toMatchObject({ runs: { length: 1000 } });
  const keyed = await app.call('POST', '/v1/runs/bulk', many(1), { 'idempotency-key': 'k' });
  expect(keyed.status).toBe(400);
});

test('a list comes newest first, page by page, without outputs', async () => {
  const app = await startApp();
  const ids: string[] = [];
  for (const label of ['a', 'b', 'c']) {
    app.clock.advance(10);
    ids.unshift(await create(app, { ...good, label }));
  }
  await end(app, String(ids[0]));
  const first = runList.parse(await (await app.call('GET', '/v1/runs?limit=2')).json());
  expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
  expect(first.data[0]).toMatchObject({ status: 'completed', output: [], output_text: null });
  const cursor = encodeURIComponent(String(first.next_cursor));
  const second = runList.parse(await (await app.call('GET', `/v1/runs?limit=2&cursor=${cursor}`)).json());
  expect(second).toMatchObject({ data: [{ id: ids[2] }], next_cursor: null });
  const open = runList.parse(await (await app.call('GET', '/v1/runs?status=accepted&kind=responses')).json());
  expect(open.data).toHaveLength(2);
});

test('a cancel is taken; of an ended run it changes nothing', async () => {
  const app = await startApp();
  const id = await create(app);
  const taken = await app.call('POST', `/v1/runs/${id}/cancel`);
  expect([taken.status, await taken.json()]).toMatchObject([202, { id }]);
  await end(app, id);
  const late = await app.call('POST', `/v1/runs/${id}/cancel`);
  expect([late.status, await late.json()]).toMatchObject([200, { id, status: 'completed' }]);
});

test('a redrive is a new run, and only of one that has ended', async () => {
  const app = await startApp();
  const id = await create(app);
  const early = await app.call('POST', `/v1/runs/${id}/redrive`);
  expect([early.status, await early.json()]).toMatchObject([409, { type: '/docs#problem-run-open' }]);
  await end(app, id);
  app.clock.advance(5000);
  const answer = await app.call('POST', `/v1/runs/${id}/redrive`);
  const again = runView.parse(await answer.json());
  expect(answer.status).toBe(202);
  expect(answer.headers.get('location')).toBe(`/v1/runs/${again.id}`);
  expect(again).toMatchObject({ status: 'accepted', label: 'nightly', output: [], error: null });
  expect(again.id).not.toBe(id);
  expect(await (await app.call('GET', `/v1/runs/${again.id}`)).json()).toEqual(again);
  const keyed = await app.call('POST', `/v1/runs/${id}/redrive`, undefined, { 'idempotency-key': 'k' });
  expect(keyed.status).toBe(400);
});

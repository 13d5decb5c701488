/** Who may do what, for every route there is; and what every answer tells a browser. */

import { describe, expect, test } from 'vitest';
import { apiRoutes } from '../../../src/http/app.ts';
import { runList, runView } from '../../../src/domain/wire/run-view.ts';
import type { FollowingState } from '../../../src/domain/run.ts';
import { anOutcome, ended, following, someData } from '../../support/fakes/builders.ts';
import { fakeDeps, startApp, type TestApp } from '../../support/http/test-app.ts';

const apiKeys = [
  { name: 'ops', key: 'ops', scopes: ['admin'] },
  { name: 'ann', key: 'ann', scopes: ['enqueue', 'read'] },
  { name: 'bob', key: 'bob', scopes: ['enqueue', 'read'] },
  { name: 'sender', key: 'sender', scopes: ['enqueue'] },
  { name: 'reader', key: 'reader', scopes: ['read'] },
] as const;
type Key = (typeof apiKeys)[number]['name'];

/** Written down a second time, by hand: a route whose door was left open is found here. */
const doors: Readonly<Record<string, 'open' | 'enqueue' | 'read' | 'admin'>> = {
  createRun: 'enqueue',
  createRuns: 'enqueue',
  cancelRun: 'enqueue',
  redriveRun: 'enqueue',
  submitToolOutputs: 'enqueue',
  listRuns: 'read',
  getRun: 'read',
  streamRunEvents: 'read',
  getQuota: 'read',
  listDurations: 'admin',
  listCallbacks: 'admin',
  redriveCallback: 'admin',
  board: 'admin',
  receiveOpenAiWebhook: 'open',
  health: 'open',
  readiness: 'open',
  metrics: 'open',
  openapi: 'open',
  docs: 'open',
};

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const routes = apiRoutes(fakeDeps().deps);

test('every route has its door, and no door is without its route', () => {
  expect(routes.map(({ operationId }) => operationId).toSorted()).toEqual(Object.keys(doors).toSorted());
});

describe.each(routes.map((route) => [route.operationId, route] as const))('%s', (operationId, route) => {
  const path = route.path.replace('{id}', 'x');
  const body = route.method === 'post' ? {} : undefined;
  const door = doors[operationId] ?? 'open';

  test('lets in who may, and nobody else', async () => {
    const app = await startApp({ apiKeys });
    const statusFor = async (headers: Record<string, string>): Promise<number> => {
      const answer = await app.call(route.method.toUpperCase(), path, body, headers);
      await answer.body?.cancel();
      return answer.status;
    };
    expect((await statusFor({})) === 401).toBe(door !== 'open');
    for (const { key, scopes } of apiKeys) {
      const status = await statusFor(bearer(key));
      const allowed = door === 'open' || scopes.some((scope) => scope === 'admin' || scope === door);
      expect([key, status === 403]).toEqual([key, !allowed]);
      expect(status).not.toBe(401);
    }
  });
});

const calls = [{ id: 'c1', name: 'ask', arguments: '{}' }];
const asking: Partial<FollowingState> = {
  status: 'requires_action',
  toolCalls: calls,
  asking: { sinceMs: 5000 },
  tools: { round: 1, formerRunIds: [], formerUsage: null, notes: [] },
};

const withOutput = anOutcome({ output: { text: 'SECRET', items: ['SECRET'] } });

/** A run of Ann's that waits for her answers, and one that has ended. */
async function withRunsOfAnn() {
  const app = await startApp({ apiKeys });
  await app.store.add('asking', someData({ owner: 'ann', tools: { mode: 'manual' } }));
  await app.store.claim('asking')?.park(following({ wakeAtMs: app.clock.nowMs() + 60_000, ...asking }));
  await app.answers.open('asking', 1, calls);
  await app.store.add('ended', someData({ owner: 'ann', request: { model: 'gpt-5' } }));
  await app.store.claim('ended')?.commit(ended(), withOutput);
  const as = (key: Key, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    app.call(method, path, body, { ...bearer(key), ...headers });
  return { app, as };
}

const outputs = { tool_outputs: [{ tool_call_id: 'c1', output: 'FORGED' }] };

describe('what is Ann’s', () => {
  test.for([
    ['GET', '/v1/runs/asking', undefined],
    ['GET', '/v1/runs/asking?wait=1', undefined],
    ['GET', '/v1/runs/asking/events', undefined],
    ['POST', '/v1/runs/asking/tool-outputs', outputs],
    ['POST', '/v1/runs/asking/cancel', undefined],
    ['GET', '/v1/runs/ended', undefined],
    ['POST', '/v1/runs/ended/redrive', undefined],
    ['POST', '/v1/runs/ended/redrive?once=true', undefined],
  ] as const)('is not there for Bob: %s %s', async ([method, path, body]) => {
    const { app, as } = await withRunsOfAnn();
    const answer = await as('bob', method, path, body);
    expect(answer.status).toBe(404);
    expect(await answer.text()).not.toMatch(/gpt-5|ann/);
    // And nothing came of it.
    expect((await app.store.list({ limit: 10 })).runs).toHaveLength(2);
    expect(await app.answers.read('asking', 1, ['c1'])).toEqual(new Map());
    expect((await app.store.claim('asking')?.takeSignals())?.cancelRequestedAtMs ?? null).toBeNull();
  });

  test('cannot be had by her Idempotency-Key', async () => {
    const { as } = await withRunsOfAnn();
    const run = { request: { model: 'gpt-5' } };
    const ids = await Promise.all(
      (['ann', 'bob', 'ops'] as const).map(async (key) => {
        const answer = await as(key, 'POST', '/v1/runs', run, { 'idempotency-key': 'order-1' });
        expect([answer.status, answer.headers.get('idempotent-replayed')]).toEqual([202, null]);
        return runView.parse(await answer.json()).id;
      }),
    );
    expect(new Set(ids).size).toBe(3);
  });

  test('cannot be had by a cursor of her list, nor by one of everybody’s', async () => {
    const { as } = await withRunsOfAnn();
    for (const owner of ['ann', 'bob', 'ann', 'bob'] as const)
      await as(owner, 'POST', '/v1/runs', { label: owner, request: { model: 'x' } });
    for (const whose of ['ann', 'ops'] as const) {
      const page = runList.parse(await (await as(whose, 'GET', '/v1/runs?limit=1')).json());
      const query = `limit=10&cursor=${encodeURIComponent(page.next_cursor ?? '')}`;
      const seen = runList.parse(await (await as('bob', 'GET', `/v1/runs?${query}`)).json());
      expect(seen.data.every(({ label }) => label === 'bob')).toBe(true);
    }
  });
});

test('whoever may only send does not read what came of a run', async () => {
  const app = await startApp({ apiKeys });
  await app.store.add('own', someData({ owner: 'sender' }));
  await app.store.claim('own')?.commit(ended(), withOutput);
  const answer = await app.call('POST', '/v1/runs/own/cancel', undefined, bearer('sender'));
  expect(answer.status).toBe(200);
  expect(runView.parse(await answer.json())).toMatchObject({
    status: 'completed',
    output_text: null,
    output: [],
  });
});

describe('every answer', () => {
  const html = { accept: 'text/html' };
  const https = { 'x-forwarded-proto': 'https' };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const answers: readonly [string, number, (app: TestApp) => Promise<Response>][] = [
    ['health', 200, (app) => app.call('GET', '/healthz')],
    ['metrics', 200, (app) => app.call('GET', '/metrics')],
    ['documentation', 200, (app) => app.call('GET', '/docs')],
    ['OpenAPI', 200, (app) => app.call('GET', '/openapi.json')],
    ['list', 200, (app) => app.call('GET', '/v1/runs', undefined, bearer('ann'))],
    ['accepted', 202, (app) => app.call('POST', '/v1/runs', { request: { model: 'x' } }, bearer('ann'))],
    ['no JSON', 400, (app) => app.call('POST', '/v1/runs', '{', bearer('ann'))],
    ['webhook', 400, (app) => app.call('POST', '/v1/webhooks/openai', '{}')],
    ['stranger', 401, (app) => app.call('GET', '/v1/runs')],
    ['scope', 403, (app) => app.call('GET', '/v1/callbacks', undefined, bearer('ann'))],
    ['missing', 404, (app) => app.call('GET', '/nothing')],
    ['missing run', 404, (app) => app.call('GET', '/v1/runs/x', undefined, bearer('ann'))],
    ['method', 405, (app) => app.call('DELETE', '/v1/runs', undefined, bearer('ann'))],
    ['OPTIONS', 204, (app) => app.call('OPTIONS', '/v1/runs')],
    ['type', 415, (app) => app.call('POST', '/v1/runs', 'x', { ...bearer('ann'), ...form })],
    ['broken path', 400, (app) => app.call('GET', '/%')],
    ['board', 200, (app) => app.call('GET', '/board/', undefined, { ...bearer('ops'), ...html })],
    ['board’s data', 200, (app) => app.call('GET', '/board/api/queues', undefined, bearer('ops'))],
    ['board’s door', 303, (app) => app.call('GET', '/board/', undefined, html)],
    ['login', 200, (app) => app.call('GET', '/board/login')],
    [
      'forged login',
      403,
      (app) => app.call('POST', '/board/login', 'key=ops', { ...form, origin: 'https://evil.example' }),
    ],
  ];

  test.for(answers)('%s is %d, with the headers that keep it where it belongs', async ([, status, call]) => {
    const app = await startApp({ apiKeys });
    const answer = await call(app);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('content-security-policy')).toMatch(
      /^default-src 'none';.*frame-ancestors 'none'$/,
    );
    expect(answer.headers.get('strict-transport-security')).toBeNull();
    expect(answer.headers.has('x-powered-by')).toBe(false);
    expect(answer.headers.has('access-control-allow-origin')).toBe(false);
  });

  test.for([503, 500])('%d has them too', async (status) => {
    const app = await startApp();
    app.store.get = () => Promise.reject(new Error(status === 503 ? 'LOADING' : 'SECRET'));
    const answer = await app.call('GET', '/v1/runs/x');
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('behind TLS, a browser is told to come by TLS from now on', async () => {
    const app = await startApp();
    const answer = await app.call('GET', '/nothing', undefined, https);
    expect(answer.headers.get('strict-transport-security')).toMatch(/^max-age=\d+$/);
  });
});

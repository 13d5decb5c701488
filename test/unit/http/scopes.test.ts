import { describe, expect, test } from 'vitest';
import { runList } from '../../../src/domain/wire/run-view.ts';
import { startApp } from '../../support/http/test-app.ts';

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe('scopes', () => {
  const keys = [
    { name: 'ops', key: 'ops', scopes: ['admin'] },
    { name: 'ann', key: 'ann', scopes: ['enqueue', 'read'] },
    { name: 'bob', key: 'bob', scopes: ['enqueue', 'read'] },
    { name: 'sender', key: 'sender', scopes: ['enqueue'] },
    { name: 'reader', key: 'reader', scopes: ['read'] },
  ] as const;
  const run = { request: { model: 'gpt-5' } };

  async function withRunOfAnn() {
    const app = await startApp({ apiKeys: keys });
    const as = (key: string, method: string, path: string, body?: unknown) =>
      app.call(method, path, body, bearer(key));
    const accepted = await as('ann', 'POST', '/v1/runs', run);
    return { as, path: accepted.headers.get('location') ?? '' };
  }

  test.for([
    ['sender', 'POST', '/v1/runs', 202],
    ['sender', 'GET', '/v1/runs', 403],
    ['sender', 'GET', '/v1/quota', 403],
    ['reader', 'GET', '/v1/runs', 200],
    ['reader', 'POST', '/v1/runs', 403],
    ['reader', 'POST', '/v1/runs/bulk', 403],
    ['reader', 'POST', '/v1/runs/x/cancel', 403],
    ['reader', 'POST', '/v1/runs/x/redrive', 403],
    ['ops', 'GET', '/board/api/queues', 200],
    ['ann', 'GET', '/board/api/queues', 403],
  ] as const)('%s: %s %s is %d', async ([key, method, path, status]) => {
    const app = await startApp({ apiKeys: keys });
    const answer = await app.call(method, path, method === 'POST' ? run : undefined, bearer(key));
    expect(answer.status).toBe(status);
  });

  test('a refusal says what is missing, and whose key it is', async () => {
    const { as } = await withRunOfAnn();
    expect(await (await as('sender', 'GET', '/v1/runs')).json()).toMatchObject({
      type: '/docs#problem-missing-scope',
      detail: 'The key "sender" has the scopes enqueue; this needs read.',
    });
  });

  test.for([
    ['GET', ''],
    ['GET', '?wait=1'],
    ['GET', '/events'],
    ['POST', '/cancel'],
    ['POST', '/redrive'],
  ] as const)('somebody else’s run is none: %s %s', async ([method, path]) => {
    const { as, path: runPath } = await withRunOfAnn();
    const strangers = await as('bob', method, runPath + path);
    const missing = await as('bob', method, `/v1/runs/run_none${path}`);
    expect([strangers.status, missing.status]).toEqual([404, 404]);
    const problem = { type: '/docs#problem-run-not-found', status: 404 };
    expect([await strangers.json(), await missing.json()]).toMatchObject([problem, problem]);
  });

  test('a list shows one’s own runs, and an admin everybody’s', async () => {
    const { as, path } = await withRunOfAnn();
    await as('bob', 'POST', '/v1/runs', run);
    const listed = async (key: string) =>
      runList.parse(await (await as(key, 'GET', '/v1/runs')).json()).data.length;
    expect(await Promise.all(['ann', 'bob', 'ops', 'reader'].map(listed))).toEqual([1, 1, 2, 0]);
    expect((await as('ops', 'GET', path)).status).toBe(200);
    expect((await as('ops', 'POST', `${path}/cancel`)).status).toBe(202);
  });

  test('a browser learns why it is not let in', async () => {
    const app = await startApp({ apiKeys: keys });
    const form = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' };
    const answer = await app.call('POST', '/board/login', 'key=ann', form);
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([403, null]);
    expect(await answer.text()).toContain('lacks the scope');
  });
});

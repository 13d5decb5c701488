import * as examples from '../../../src/http/openapi/examples.ts';
import { expect, test } from 'vitest';
import { startApp } from '../../support/http/test-app.ts';

test('alive', async () => {
  const app = await startApp();
  expect(await (await app.call('GET', '/healthz')).json()).toEqual({ status: 'ok' });
});

test('ready', async () => {
  const app = await startApp();
  const answer = await app.call('GET', '/readyz');
  expect([answer.status, await answer.json()]).toEqual([200, { ok: true, checks: { redis: { ok: true } } }]);
});

test.for([
  [
    'says no',
    () => Promise.resolve({ ok: false, checks: { redis: { ok: false, detail: 'No connection.' } } }),
    'redis',
  ],
  ['throws', () => Promise.reject(new Error('secret')), 'readiness'],
  ['hangs', () => new Promise<never>(() => {}), 'readiness'],
] as const)('not ready when the check %s', async ([, readiness, check]) => {
  const app = await startApp({ readiness, limits: { readinessMs: 20 } });
  const answer = await app.call('GET', '/readyz');
  const text = await answer.text();
  expect(answer.status).toBe(503);
  expect(JSON.parse(text)).toMatchObject({ ok: false, checks: { [check]: { ok: false } } });
  expect(text).not.toContain('secret');
});

test('metrics come as they are', async () => {
  const app = await startApp();
  const answer = await app.call('GET', '/metrics');
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(await answer.text()).toBe('up 1\n');
});

test('quota is what the limiter says', async () => {
  const app = await startApp({ quota: () => Promise.resolve(examples.quota) });
  expect(await (await app.call('GET', '/v1/quota')).json()).toEqual(examples.quota);
});

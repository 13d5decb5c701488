import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { Backlog } from '../../../src/app/backlog.ts';
import { isStoreDown } from '../../../src/http/error-handler.ts';
import { eventually } from '../../support/fakes/eventually.ts';
import { ManualClock } from '../../support/fakes/manual-clock.ts';
import { fakeDeps, startApp } from '../../support/http/test-app.ts';

const good = { request: { model: 'gpt-5', input: 'SECRET-PROMPT' } };

test.for([
  // Redis failed in the middle of a write.
  ['POST', '/v1/runs', good, 'acceptance-unknown'],
  ['POST', '/v1/runs/bulk', { runs: [good] }, 'acceptance-unknown'],
  ['GET', '/v1/runs', undefined, 'unavailable'],
  ['GET', '/v1/runs/a', undefined, 'unavailable'],
  ['GET', '/v1/runs/a?wait=5', undefined, 'unavailable'],
  ['POST', '/v1/runs/a/cancel', undefined, 'unavailable'],
  ['POST', '/v1/runs/a/redrive', undefined, 'unavailable'],
] as const)('%s %s without Redis is 503, to try again', async ([method, path, body, sort]) => {
  const app = await startApp();
  app.store.unavailable = true;
  const answer = await app.call(method, path, body);
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
  expect(await answer.json()).toMatchObject({ type: `/docs#problem-${sort}` });
  expect(app.log).toContainEqual(expect.objectContaining({ level: 40, status: 503, msg: 'request refused' }));
});

test.for([
  ['POST', '/v1/runs', good],
  ['POST', '/v1/runs/bulk', { runs: [good] }],
] as const)(
  '%s %s that was not even tried to be written was surely not accepted',
  async ([method, path, body]) => {
    const { store } = fakeDeps();
    store.unavailable = true;
    const app = await startApp({ backlog: new Backlog(store, new ManualClock(), 10) });
    const answer = await app.call(method, path, body);
    expect(await answer.json()).toMatchObject({ status: 503, type: '/docs#problem-unavailable' });
  },
);

test('our own mistakes are 500 without a word of the inside, and logged with the request’s id', async () => {
  const app = await startApp();
  app.store.get = () => Promise.reject(new Error('secret at line 7'));
  const answer = await app.call('GET', '/v1/runs/a', undefined, { 'x-request-id': 'mine-1' });
  const text = await answer.text();
  expect(answer.status).toBe(500);
  expect(answer.headers.get('x-request-id')).toBe('mine-1');
  expect(text).not.toMatch(/secret|line|\.ts/);
  expect(app.log).toContainEqual(
    expect.objectContaining({
      level: 50,
      requestId: 'mine-1',
      err: expect.objectContaining({ message: 'secret at line 7' }),
    }),
  );
});

test('what is thrown and is no error is a 500 too', async () => {
  const app = await startApp();
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors
  app.store.get = () => Promise.reject('text');
  expect((await app.call('GET', '/v1/runs/a')).status).toBe(500);
});

test.for([
  [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), true],
  [Object.assign(new Error('x'), { name: 'MaxRetriesPerRequestError' }), true],
  [new Error('Connection is closed.'), true],
  [new Error('LOADING Redis is loading the dataset in memory'), true],
  [new Error('READONLY You can’t write against a read only replica.'), true],
  [new Error('outer', { cause: Object.assign(new Error('x'), { code: 'ETIMEDOUT' }) }), true],
  [new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' })]), true],
  [new Error('WRONGTYPE Operation against a key'), false],
  [new TypeError('x is not a function'), false],
  ['text', false],
] as const)('%s: Redis away? %s', ([error, down]) => {
  expect(isStoreDown(error)).toBe(down);
});

test('an error that is its own cause ends', () => {
  const error = new Error('x');
  error.cause = error;
  expect(isStoreDown(error)).toBe(false);
});

test('a body that breaks off is no event', async () => {
  const app = await startApp();
  const arrived = once(app.server, 'request');
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
  socket.write(
    'POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a"',
  );
  await arrived;
  socket.destroy();
  await eventually(() =>
    expect(app.log).toContainEqual(expect.objectContaining({ msg: 'request', aborted: true })),
  );
  expect(app.log.filter(({ level }) => Number(level) > 20)).toEqual([]);
});

test('the access log has no query, no body and no key', async () => {
  const app = await startApp({ apiKeys: [{ name: 'ann', key: 'SECRET-KEY', scopes: ['admin'] }] });
  const headers = { authorization: 'Bearer SECRET-KEY' };
  await app.call('POST', '/v1/runs', good, { ...headers, 'idempotency-key': 'SECRET-IDEMPOTENCY' });
  await app.call('GET', '/v1/runs?cursor=SECRET-CURSOR', undefined, headers);
  await app.call('GET', '/v1/runs', undefined, { authorization: 'Bearer SECRET-GUESS' });
  await eventually(() => expect(app.log).toHaveLength(3));
  expect(app.log[0]).toMatchObject({
    level: 20,
    method: 'POST',
    path: '/v1/runs',
    status: 202,
    caller: 'ann',
  });
  expect(JSON.stringify(app.log)).not.toContain('SECRET');
});

test.for(['a b', 'x'.repeat(129), '<script>', ''])('the request id %j is replaced', async (id) => {
  const app = await startApp();
  const answer = await app.call('GET', '/healthz', undefined, { 'x-request-id': id });
  expect(answer.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
});

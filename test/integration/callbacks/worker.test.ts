/** Callbacks from the queue to an endpoint, on a real Redis: delivered, tried again, given up, sent again. */

import { Webhook } from 'standardwebhooks';
import { expect, it } from 'vitest';
import { CallbackBench, callbackSecrets } from '../../support/callbacks/bench.ts';
import { eventually } from '../../support/eventually.ts';
import { Receiver } from '../../support/receiver.ts';
import { useRedis } from '../../support/redis.ts';
import { required } from '../../support/required.ts';

const redis = useRedis();

it('are delivered with a signature for each secret, and nothing is kept of what was sent', async () => {
  const receiver = await Receiver.start();
  const bench = await CallbackBench.start(redis);
  await bench.send('cb_1', receiver.url, '{"text":"zażółć"}');
  await bench.reaches('cb_1', 'completed');
  const [received] = receiver.received;
  const { headers, body, path } = required(received);
  for (const secret of callbackSecrets) {
    expect(new Webhook(secret).verify(body, { ...headers })).toEqual({ text: 'zażółć' });
  }
  expect(headers).toMatchObject({ 'webhook-id': 'cb_1', 'content-type': 'application/json' });
  expect(path).toBe('/hook?token=secret');
  await eventually(
    'the body to go',
    () => bench.client.exists(bench.keys.body('cb_1')),
    (count) => count === 0,
  );
  expect(bench.telemetry.callbacks).toEqual(['delivered']);
});

it('are sent once though they are put on their way twice', async () => {
  const receiver = await Receiver.start();
  const bench = await CallbackBench.start(redis);
  await bench.send('cb_1', receiver.url);
  await bench.reaches('cb_1', 'completed');
  await bench.send('cb_1', receiver.url);
  await bench.send('cb_2', receiver.url);
  await bench.reaches('cb_2', 'completed');
  expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual(['cb_1', 'cb_2']);
  await eventually(
    'the bodies to go',
    () => bench.client.exists(bench.keys.body('cb_1'), bench.keys.body('cb_2')),
    (count) => count === 0,
  );
});

it('are tried again with the same id and body after a failure, and hold no slot meanwhile', async () => {
  const receiver = await Receiver.start();
  const bench = await CallbackBench.start(redis);
  receiver.answer = (response) => response.writeHead(500).end('a stack trace');
  await bench.send('cb_1', receiver.url);
  await bench.reaches('cb_1', 'delayed');
  const job = await bench.job('cb_1');
  expect(job.attemptsMade).toBe(1);
  expect(job.delay).toBeGreaterThanOrEqual(4500);
  expect(job.delay).toBeLessThanOrEqual(5500);
  receiver.answer = (response) => response.writeHead(200).end();
  await bench.hurry('cb_1');
  await bench.reaches('cb_1', 'completed');
  const [first, second] = receiver.received;
  expect(second).toMatchObject({ body: first?.body, path: first?.path });
  expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  expect(bench.telemetry.callbacks).toEqual(['failed', 'delivered']);
});

it('wait as long as the endpoint asks', async () => {
  const receiver = await Receiver.start();
  const bench = await CallbackBench.start(redis);
  receiver.answer = (response) => response.writeHead(429, { 'retry-after': '3600' }).end();
  await bench.send('cb_1', receiver.url);
  await bench.reaches('cb_1', 'delayed');
  expect((await bench.job('cb_1')).delay).toBeGreaterThanOrEqual(3_600_000);
});

it('follow no redirect', async () => {
  const receiver = await Receiver.start();
  const elsewhere = await Receiver.start();
  const bench = await CallbackBench.start(redis);
  receiver.answer = (response) => response.writeHead(308, { location: elsewhere.url }).end();
  await bench.send('cb_1', receiver.url);
  await bench.reaches('cb_1', 'delayed');
  expect((await bench.job('cb_1')).failedReason).toBe('answered 308');
  expect(elsewhere.received).toEqual([]);
});

it('end with a 410, and never reach what is not public', async () => {
  const receiver = await Receiver.start();
  const bench = await CallbackBench.start(redis, { allow: [`127.0.0.1:${receiver.port}`] });
  receiver.answer = (response) => response.writeHead(410).end();
  await bench.send('cb_gone', receiver.url);
  await bench.send('cb_blocked', 'http://127.0.0.1:1/');
  await bench.send('cb_metadata', 'http://169.254.169.254/latest/meta-data/');
  for (const id of ['cb_gone', 'cb_blocked', 'cb_metadata']) await bench.reaches(id, 'failed');
  expect(bench.telemetry.callbacks.toSorted()).toEqual(['blocked', 'blocked', 'gone']);
});

it('are given up after eight tries, listed, and sent again from the first try on', async () => {
  const receiver = await Receiver.start();
  const bench = await CallbackBench.start(redis);
  receiver.answer = (response) => response.writeHead(503).end();
  await bench.send('cb_1', receiver.url);
  for (let tries = 1; tries < 8; tries += 1) await bench.hurry('cb_1');
  await bench.reaches('cb_1', 'failed');
  expect(receiver.received).toHaveLength(8);
  expect(await bench.dead.list({ limit: 10 })).toEqual({
    object: 'list',
    data: [
      {
        id: 'cb_1',
        object: 'runfleet.callback',
        status: 'dead',
        run_id: 'run-of-cb_1',
        type: 'run.completed',
        host: `127.0.0.1:${receiver.port}`,
        tries: 8,
        error: 'answered 503',
        given_up_at: expect.any(String),
      },
    ],
    next_cursor: null,
  });
  expect(await bench.dead.redrive('cb_1', Date.now())).toBe(true);
  await bench.reaches('cb_1', 'delayed');
  expect((await bench.job('cb_1')).attemptsMade).toBe(1);
  receiver.answer = (response) => response.writeHead(200).end();
  expect(await bench.dead.redrive('cb_1', Date.now())).toBe(false);
  await bench.hurry('cb_1');
  await bench.reaches('cb_1', 'completed');
  expect(new Set(receiver.received.map(({ headers, body }) => headers['webhook-id'] + body)).size).toBe(1);
  expect(await bench.dead.list({ limit: 10 })).toMatchObject({ data: [] });
  expect(await bench.dead.redrive('nobody', Date.now())).toBe(false);
});

it('are listed page by page when they were given up, each once', async () => {
  const receiver = await Receiver.start();
  const bench = await CallbackBench.start(redis);
  receiver.answer = (response) => response.writeHead(410).end();
  const ids = Array.from({ length: 25 }, (_, n) => `cb_${n}`);
  await Promise.all(ids.map((id) => bench.send(id, receiver.url)));
  for (const id of ids) await bench.reaches(id, 'failed');
  const seen: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await bench.dead.list({ limit: 4, ...(cursor === undefined ? {} : { cursor }) });
    seen.push(...page.data.map(({ id }) => id));
    cursor = page.next_cursor;
  }
  expect(seen.toSorted()).toEqual(ids.toSorted());
  await expect(bench.dead.list({ limit: 4, cursor: 'x' })).rejects.toThrow('cursor');
});

it('to an endpoint that hangs do not hold up those to others', async () => {
  const hanging = await Receiver.start();
  const good = await Receiver.start();
  const bench = await CallbackBench.start(redis, { concurrency: 20, timeoutMs: 110_000 });
  hanging.answer = () => {};
  await Promise.all(Array.from({ length: 100 }, async (_, n) => bench.send(`cb_hangs_${n}`, hanging.url)));
  await eventually(
    'the hanging ones to be under way',
    () => hanging.waiting,
    (count) => count > 0,
  );
  await Promise.all(Array.from({ length: 200 }, async (_, n) => bench.send(`cb_good_${n}`, good.url)));
  await eventually(
    'the good ones to be delivered',
    () => bench.telemetry.callbacks.filter((result) => result === 'delivered').length,
    (count) => count === 200,
  );
  // None of them has come to its end, and so none has made room.
  expect(bench.telemetry.callbacks).toHaveLength(200);
  expect(hanging.waiting).toBeLessThanOrEqual(2);
});

it('leave no trace of the body or of the path of the URL in the log', async () => {
  const receiver = await Receiver.start();
  const bench = await CallbackBench.start(redis);
  receiver.answer = (response) => response.writeHead(410).end('private');
  await bench.send('cb_1', receiver.url, '{"output_text":"private"}');
  await bench.reaches('cb_1', 'failed');
  const log = JSON.stringify(bench.telemetry.logs);
  expect(log).toContain(`127.0.0.1:${receiver.port}`);
  expect(log).not.toMatch(/private|token|hook|whsec/);
});

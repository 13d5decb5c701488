/** Mode `http`: the queue `tools-http` and its worker, against a server that answers as it is told. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Queue } from 'bullmq';
import { Webhook } from 'standardwebhooks';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { createGuardedPost } from '../../src/adapters/outbound-sdk/guarded-post.ts';
import { parseAllowList } from '../../src/adapters/outbound-sdk/allow-list.ts';
import { webhookKey } from '../../src/adapters/outbound-sdk/standard-webhooks.ts';
import { HttpToolDispatcher } from '../../src/adapters/tools/http-dispatcher.ts';
import { HttpToolsWorker } from '../../src/adapters/tools/http-worker.ts';
import { httpToolsQueue } from '../../src/adapters/tools/keys.ts';
import type { ToolCallJob, ToolReturn } from '../../src/ports/tool-calls.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { eventually } from '../support/eventually.ts';
import { RecordingTelemetry } from '../support/fakes/telemetry.ts';
import { opened } from '../support/redis-ports.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const secret = `whsec_${Buffer.from('a secret of the tests, 32 bytes.').toString('base64')}`;

interface Asked {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let asked: Asked[];
let answers: ToolReturn[];
let answer: (response: ServerResponse) => void;
let url: string;
let dispatcher: HttpToolDispatcher;
let queue: Queue;
let prefix: string;
let worker: HttpToolsWorker;

beforeEach(async () => {
  asked = [];
  answers = [];
  answer = (response) => response.end('of the tool');
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      asked.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      answer(response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}/tools`;
  prefix = redis.prefix();
  const client = opened(redis.url);
  queue = new Queue(httpToolsQueue, { connection: client, prefix });
  queue.on('error', () => {});
  dispatcher = new HttpToolDispatcher({ queue, client, prefix });
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await queue.close();
    client.disconnect();
  });
  worker = await serve();
});

async function serve(): Promise<HttpToolsWorker> {
  const client = opened(redis.url);
  const subscriber = opened(redis.url);
  const post = createGuardedPost({ allow: parseAllowList(['127.0.0.1']) });
  const opening = new HttpToolsWorker({
    client,
    subscriber,
    prefix,
    concurrency: 10,
    maxOutputBytes: 1000,
    timeoutMs: 2000,
    post,
    signingKeys: [webhookKey(secret)],
    onAnswer: (given) => {
      answers.push(given);
      return Promise.resolve('kept');
    },
    clock: systemClock,
    telemetry: new RecordingTelemetry(),
  });
  await opening.start();
  onTestFinished(async () => {
    await opening.stop(0);
    post.close();
    client.disconnect();
    subscriber.disconnect();
  });
  return opening;
}

const call = (patch: Partial<ToolCallJob> = {}): ToolCallJob => ({
  runId: 'run-1',
  round: 1,
  toolCallId: 'call:1',
  name: 'weather',
  arguments: '{"city":"Bern"}',
  deadlineAtMs: Date.now() + 60_000,
  url,
  priority: 0,
  label: null,
  metadata: { a: 'b' },
  ...patch,
});

async function answered(patch: Partial<ToolCallJob> = {}): Promise<ToolReturn | undefined> {
  await dispatcher.dispatch([call(patch)]);
  await eventually(
    'an answer',
    () => answers.length,
    (count) => count > 0,
  );
  return answers[0];
}

it('posts a signed call once, and takes the answer to its run', async () => {
  await dispatcher.dispatch([call()]);
  expect(await answered()).toMatchObject({
    runId: 'run-1',
    round: 1,
    toolCallId: 'call:1',
    answer: { output: 'of the tool' },
  });
  expect(asked).toHaveLength(1);
  const [{ headers, body } = { headers: {}, body: '' }] = asked;
  const headersOf = (name: string): string => String(headers[name]);
  const signed = Object.fromEntries(
    ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [name, headersOf(name)]),
  );
  expect(new Webhook(secret).verify(body, signed)).toMatchObject({
    run_id: 'run-1',
    tool_call_id: 'call:1',
    name: 'weather',
    arguments: '{"city":"Bern"}',
    metadata: { a: 'b' },
  });
  expect(body).not.toContain('tools');
});

it.each([
  ['an output', 'application/json', '{"output":"42"}', { output: '42' }],
  [
    'an error',
    'application/json',
    '{"error":{"code":"busy","message":"No."}}',
    { error: { code: 'busy', message: 'No.' } },
  ],
  ['any JSON', 'application/json; charset=utf-8', '{"celsius":21}', { output: '{"celsius":21}' }],
  ['a text', 'text/plain', 'warm', { output: 'warm' }],
  ['broken JSON', 'application/json', '{', { error: { code: 'invalid_answer' } }],
  ['too much', 'text/plain', 'x'.repeat(1001), { error: { code: 'output_too_large' } }],
])('takes %s', async (_, type, body, expected) => {
  answer = (response) => response.setHeader('content-type', type).end(body);
  expect(await answered()).toMatchObject({ answer: expected });
});

it('takes another status for a failure of the tool, and does not ask twice', async () => {
  answer = (response) => response.writeHead(500).end();
  expect(await answered()).toMatchObject({ answer: { error: { code: 'tool_failed' } } });
  expect(asked).toHaveLength(1);
});

it('asks again, under the same id, when the server says "not now"', async () => {
  let times = 0;
  answer = (response) => ((times += 1) === 1 ? response.writeHead(503).end() : response.end('now'));
  expect(await answered()).toMatchObject({ answer: { output: 'now' } });
  expect(new Set(asked.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
});

it('leaves a server alone for as long as it asks to be, and counts the try', async () => {
  answer = (response) => response.writeHead(429, { 'retry-after': '40' }).end();
  await dispatcher.dispatch([call()]);
  const [job] = await eventually(
    'the call to wait',
    () => queue.getDelayed(),
    (delayed) => delayed.length === 1,
  );
  expect(job).toMatchObject({ delay: 40_000, attemptsMade: 1 });
  expect(answers).toEqual([]);
});

it('does not ask again when nobody knows whether the tool was run', async () => {
  answer = (response) => response.destroy();
  expect(await answered()).toMatchObject({ answer: { error: { code: 'tool_failed' } } });
  expect(asked).toHaveLength(1);
});

it('calls no address that it may not', async () => {
  const expected = { answer: { error: { code: 'unreachable' } } };
  expect(await answered({ url: 'http://169.254.169.254/latest' })).toMatchObject(expected);
});

it('waits no longer than the run does', async () => {
  answer = () => {};
  expect(await answered({ deadlineAtMs: Date.now() + 3000 })).toMatchObject({
    answer: { error: { code: 'tool_timeout' } },
  });
});

it('gives up a call that nobody waits for, and tells nobody', async () => {
  const gone = Promise.withResolvers<void>();
  answer = (response) => response.once('close', () => gone.resolve());
  await dispatcher.dispatch([call()]);
  await eventually(
    'the call',
    () => asked.length,
    (count) => count > 0,
  );
  await dispatcher.withdraw([call()]);
  await gone.promise;
  await eventually(
    'the job to go',
    () => queue.getJobCounts('active', 'waiting', 'delayed', 'completed', 'failed'),
    (counts) => Object.values(counts).every((count) => count === 0),
  );
  expect(answers).toEqual([]);
});

it.each([
  ['its first try', 0],
  // As a try that failed, it would be the last, and the call never answered.
  ['its last try', 7],
])('puts a call back that is given up at a stop: %s is none', async (_, tried) => {
  await worker.stop(0);
  await dispatcher.dispatch([call()]);
  const jobs = await queue.getJobs();
  await redis.client.hset(`${prefix}:${httpToolsQueue}:${jobs[0]?.id}`, 'atm', tried);
  answer = () => {};
  const first = await serve();
  await eventually(
    'the call',
    () => asked.length,
    (count) => count === 1,
  );
  await first.stop(0);
  const [left] = await queue.getJobs();
  expect(left).toMatchObject({ id: jobs[0]?.id, attemptsMade: tried });
  expect(await left?.getState()).toBe('delayed');
  answer = (response) => response.end('of the tool');
  await serve();
  expect(await answered()).toMatchObject({ answer: { output: 'of the tool' } });
  expect(new Set(asked.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
});

/** Servers that break their promises in every way: what each of our calls makes of it, for both kinds. */

import { gzipSync } from 'node:zlib';
import type { RequestListener, ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AssistantsProvider } from '../../src/adapters/openai-assistants/index.ts';
import { ResponsesProvider } from '../../src/adapters/openai-responses/index.ts';
import { createOpenAiClient, type OpenAiClient } from '../../src/adapters/openai-sdk/client.ts';
import { type FaultDetails, isProviderFault } from '../../src/domain/fault.ts';
import { eventually } from '../support/eventually.ts';
import { apiKey } from '../support/provider-harness.ts';
import { answering, stubServer } from '../support/stub-server.ts';

const json = { 'content-type': 'application/json' };
const response = { providerRunId: 'resp_1', threadId: null };
const run = { providerRunId: 'run_1', threadId: 'thread_1' };
const outputs = [{ toolCallId: 'call_1', output: '4' }];
const ask = { model: 'gpt-5', input: 'Hello' };
const onThread = { assistant_id: 'asst_1', thread_id: 'thread_1' };

const responses = (client: OpenAiClient): ResponsesProvider => new ResponsesProvider(client);
const assistants = (client: OpenAiClient): AssistantsProvider => new AssistantsProvider(client);
const followUp = { outputs, request: ask, runId: 'run-1' };

/** Every call that is ever made. */
const calls: readonly [string, (client: OpenAiClient) => Promise<unknown>][] = [
  ['responses create', (client) => responses(client).create(ask, 'run-1')],
  ['responses submit', (client) => responses(client).submit({ ref: response, ...followUp })],
  ['responses stream', (client) => responses(client).streaming.create(ask, 'run-1')],
  ['responses retrieve', (client) => responses(client).retrieve(response)],
  ['responses cancel', (client) => responses(client).cancel(response)],
  ['assistants create', (client) => assistants(client).create(onThread, 'run-1')],
  ['assistants create with a thread', (client) => assistants(client).create({ assistant_id: 'a' }, 'run-1')],
  ['assistants submit', (client) => assistants(client).submit({ ref: run, ...followUp, request: onThread })],
  ['assistants retrieve', (client) => assistants(client).retrieve(run)],
  ['assistants retrieve of many', (client) => assistants(client).groupLooks.retrieveMany([run])],
  ['assistants cancel', (client) => assistants(client).cancel(run)],
  ['assistants find', (client) => assistants(client).find(onThread, 'run-1')],
  ['assistants output', (client) => assistants(client).fetchOutput(run)],
];

/** A good answer to every call. */
const good = '{"id":"resp_1","object":"response","thread_id":"thread_1","status":"queued","data":[]}';
/** Far beyond what we read once it is unpacked. */
const bomb = gzipSync(good + ' '.repeat(20_000_000));

/** Sends as much as is taken. */
function padded(answer: ServerResponse, bytes: number): void {
  answer.writeHead(200, json).write(good);
  const chunk = ' '.repeat(1_000_000);
  let left = bytes / chunk.length;
  const more = (): void => {
    while (left > 0 && !answer.destroyed) {
      left -= 1;
      if (!answer.write(chunk)) return;
    }
    answer.end();
  };
  answer.on('drain', more);
  more();
}

const told = (text: string): RequestListener => answering(200, json, text);

/** What a server does, and what it comes to; a create of which nothing is known must never be sent again blindly. */
const faults: readonly [string, RequestListener, FaultDetails['type']][] = [
  ['an error of the API', answering(500, json, '{"error":{"message":"Oh."}}'), 'unavailable'],
  [
    'an error of a gateway',
    answering(502, { 'content-type': 'text/html' }, '<h1>Bad gateway</h1>'),
    'unclear',
  ],
  ['an error without a word', answering(500, {}, ''), 'unclear'],
  ['too many calls', answering(429, json, '{"error":{"message":"Slow down."}}'), 'throttled'],
  [
    'too many calls, said by nobody',
    answering(429, { 'content-type': 'text/html' }, '<p>No.</p>'),
    'throttled',
  ],
  ['a status that nobody knows', answering(799, json, '{}'), 'unclear'],
  ['an error under 200', told('{"error":{"message":"Overloaded.","type":"server_error"}}'), 'unclear'],
  ['another content type', answering(200, { 'content-type': 'text/plain' }, good), 'unclear'],
  ['a body of 50 MB', (_request, answer) => padded(answer, 50_000_000), 'unclear'],
  ['a page', answering(200, { 'content-type': 'text/html' }, '<h1>Log in</h1>'), 'unclear'],
  ['no content', answering(204, {}, ''), 'unclear'],
  ['an empty list', told('[]'), 'unclear'],
  ['half a body', told('{"id":"resp_1","status":"in_pro'), 'unclear'],
  [
    'a body shorter than it says',
    (_request, answer) =>
      answer.writeHead(200, { ...json, 'content-length': '500' }).write('{"id":', () => answer.destroy()),
    'unclear',
  ],
  ['a reset', (request) => void request.socket.resetAndDestroy(), 'unclear'],
  ['gzip that is none', answering(200, { ...json, 'content-encoding': 'gzip' }, '{}'), 'unclear'],
  [
    'a gzip bomb',
    (_request, answer) =>
      void answer
        .writeHead(200, { ...json, 'content-encoding': 'gzip', 'content-length': bomb.length })
        .end(bomb),
    'unclear',
  ],
  ['a redirect', answering(302, { location: 'http://127.0.0.1:9/elsewhere' }, ''), 'unavailable'],
  [
    'a redirect that repeats the call',
    answering(307, { location: 'http://127.0.0.1:9/elsewhere' }, ''),
    'unavailable',
  ],
  ['a redirect for ever', answering(308, { location: 'http://127.0.0.1:9/elsewhere' }, ''), 'refused'],
];

async function clientOf(listener: RequestListener): Promise<OpenAiClient> {
  const server = await stubServer(listener);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return createOpenAiClient({
    apiKey,
    baseUrl: server.baseUrl,
    timeoutMs: 5000,
    createTimeoutMs: 5000,
    maxAnswerBytes: 100_000,
  });
}

async function faultOf(call: Promise<unknown>): Promise<FaultDetails> {
  const error = await call.then(
    (value) => new Error(`The call succeeded: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (!isProviderFault(error)) throw error;
  return error.details;
}

describe.each(faults)('%s', (_name, listener, type) => {
  it.each(calls)('for %s', async (_call, make) => {
    expect(await faultOf(make(await clientOf(listener)))).toMatchObject({ type });
  });
});

it.each(calls)('gives up %s when nobody answers, and knows nothing of it', async (_call, make) => {
  const server = await stubServer(() => {});
  onTestFinished(() => server[Symbol.asyncDispose]());
  const { baseUrl } = server;
  const client = createOpenAiClient({ apiKey, baseUrl, timeoutMs: 200, createTimeoutMs: 200 });
  expect(await faultOf(make(client))).toMatchObject({ type: 'unclear', code: 'timeout' });
});

const telling = new Set(['create', 'create with a thread', 'submit', 'retrieve', 'cancel']);
const tellingCalls = calls.filter(([name]) => telling.has(name.slice(name.indexOf(' ') + 1)));

it.each(tellingCalls)(
  'takes a status that nobody knows for running, in the answer to %s',
  async (_call, make) => {
    const client = await clientOf(
      told('{"id":"x_1","object":"response","thread_id":"t_1","status":"pondering"}'),
    );
    await expect(make(client)).resolves.toMatchObject({
      phase: 'running',
      status: 'unknown',
      rawStatus: 'pondering',
      providerRunId: 'x_1',
    });
  },
);

it('reads only so much at once, and goes on when there is room', async () => {
  const waiting: (() => void)[] = [];
  const server = await stubServer((_request, answer) => {
    answer.writeHead(200, json);
    answer.write(`{"id":"resp_1","status":"queued"${' '.repeat(2_000_000)}`);
    waiting.push(() => answer.end('}'));
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const client = createOpenAiClient({ apiKey, baseUrl: server.baseUrl, maxHeldBytes: 5_000_000 });
  const looks = [1, 2, 3].map(() => responses(client).retrieve(response));
  // One of them is too much; the others are not harmed.
  const refused = await Promise.race(looks.map((look) => faultOf(look)));
  expect(refused).toMatchObject({ type: 'unclear', message: expect.stringContaining('at once') });
  for (const finish of waiting.splice(0)) finish();
  const settled = await Promise.allSettled(looks);
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);

  const next = responses(client).retrieve(response);
  await eventually(
    'the next call',
    () => waiting.length,
    (count) => count === 1,
  );
  waiting[0]?.();
  await expect(next).resolves.toMatchObject({ status: 'queued' });
});

it('follows no redirect, and says what to do about it', async () => {
  let visits = 0;
  const elsewhere = await stubServer((request, answer) => {
    visits += 1;
    request.resume();
    answer.end('{}');
  });
  onTestFinished(() => elsewhere[Symbol.asyncDispose]());
  for (const status of [301, 302, 303, 307, 308]) {
    const client = await clientOf(answering(status, { location: `${elsewhere.baseUrl}?token=SECRET` }, ''));
    const { message } = await faultOf(responses(client).create(ask, 'run-1'));
    expect(message).toContain('OPENAI_BASE_URL');
    expect(message).not.toContain('SECRET');
  }
  expect(visits).toBe(0);
});

describe('a run that is over is over, whatever else is written there', () => {
  it.each([
    '"usage":{"input_tokens":"12","output_tokens":"3","total_tokens":"15"}',
    '"usage":{"input_tokens":-1,"output_tokens":1.5,"total_tokens":null}',
    '"usage":"much"',
    '"usage":[]',
    '"completed_at":"yesterday"',
    '"completed_at":"1700000000"',
    '"completed_at":-5',
    '"completed_at":1e400',
    '"completed_at":99999999999999999999',
    '"created_at":{}',
    '"error":"none"',
    '"error":{"code":7,"message":[]}',
    '"incomplete_details":"none"',
    '"metadata":"none"',
    '"metadata":[1]',
    '"output":"Hello."',
    '"output":{"text":"Hello."}',
    '"required_action":"none"',
    '"required_action":{"submit_tool_outputs":{"tool_calls":[{}]}}',
    '"__proto__":{"status":"failed"}',
    '"status":"failed","status":"completed"',
  ])('%s', async (field) => {
    const body = `{"id":"x_1","object":"response","thread_id":"thread_1","status":"completed","output":[],${field}}`;
    const client = await clientOf(told(body));
    for (const snapshot of [
      await responses(client).retrieve(response),
      await assistants(client).retrieve(run),
    ]) {
      expect(snapshot).toMatchObject({ phase: 'ended', status: 'completed', providerRunId: 'x_1' });
      const stamps = [snapshot.createdAtMs, 'endedAtMs' in snapshot ? snapshot.endedAtMs : null];
      expect(stamps.map((ms) => new Date(ms ?? 0).getTime())).toEqual(stamps.map((ms) => ms ?? 0));
      expect(Object.values(snapshot.usage ?? {})).toSatisfy((all: number[]) =>
        all.every(Number.isSafeInteger),
      );
    }
  });

  it('takes numbers that are written as texts', async () => {
    const usage = '"usage":{"input_tokens":"12","output_tokens":"3","total_tokens":"15"}';
    const client = await clientOf(
      told(`{"id":"x_1","status":"completed","completed_at":"1700000000",${usage}}`),
    );
    expect(await responses(client).retrieve(response)).toMatchObject({
      usage: { inputTokens: 12, outputTokens: 3, totalTokens: 15 },
      endedAtMs: 1_700_000_000_000,
    });
  });

  it('keeps output items of types that it does not know, and reads the text of those it does', async () => {
    const items = [
      { type: 'hologram', content: 7 },
      { type: 'message', content: [{ type: 'smell' }, { type: 'output_text', text: 'Hi.' }, null] },
      { type: 'message' },
      { type: 'function_call', call_id: 'c', name: 7, arguments: {} },
      null,
      'text',
    ];
    const client = await clientOf(
      told(JSON.stringify({ id: 'x_1', object: 'response', status: 'completed', output: items })),
    );
    const snapshot = await responses(client).retrieve(response);
    expect(snapshot).toMatchObject({ status: 'completed', output: { text: 'Hi.', items } });
    expect(snapshot).not.toHaveProperty('toolCalls');
  });
});

describe('hints', () => {
  it.each([
    [{ 'retry-after': '1e308' }, 86_400_000],
    [{ 'retry-after-ms': '1e300' }, 86_400_000],
    [{ 'retry-after': '99999999999' }, 86_400_000],
    [{ 'retry-after': 'Fri, 31 Dec 9999 23:59:59 GMT' }, 86_400_000],
    [{ 'retry-after': 'Infinity' }, null],
    [{ 'retry-after': 'NaN' }, null],
  ])('a 429 with %j', async (headers, expected) => {
    const client = await clientOf(answering(429, { ...json, ...headers }, '{"error":{}}'));
    expect((await faultOf(responses(client).retrieve(response))).retryAfterMs).toBe(expected);
  });

  it.each([
    ['1e300', 300_000],
    ['-1', null],
    ['soon', null],
  ])('openai-poll-after-ms: %s', async (hint, expected) => {
    const headers = { ...json, 'openai-poll-after-ms': hint };
    const client = await clientOf(answering(200, headers, '{"id":"resp_1","status":"queued"}'));
    expect(await responses(client).retrieve(response)).toMatchObject({ pollAfterMs: expected });
  });
});

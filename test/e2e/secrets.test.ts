/** Secrets are planted wherever a fleet takes any, and looked for wherever they do not belong. */

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { aResponse, Fleet, secrets } from '../support/fleet.ts';
import { RunfleetProcess } from '../support/processes.ts';
import { Receiver } from '../support/receiver.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const webhookSecret = `whsec_${Buffer.from('PLANTED-WEBHOOK-SECRET-0123456789').toString('base64')}`;
const callbackSecret = `whsec_${Buffer.from('PLANTED-CALLBACK-SECRET-012345678').toString('base64')}`;
/** Credentials: they live in memory and environment alone. */
const credentials = [
  ...Object.values(secrets),
  'PLANTED-REDIS',
  'PLANTED-GUESS',
  webhookSecret,
  callbackSecret,
];
const contents = /PLANTED-(?:PROMPT|OUTPUT|METADATA|ARGUMENT|TOOL|QUERY)/;

/** Where what callers sent and models said may stand: the job, its parts, its result, and what is still to be POSTed. */
const home = /:(?:runs|request|tool-calls|callback-body|callbacks|output)\b/;

async function textOf(key: string): Promise<string> {
  const { client } = redis;
  switch (await client.type(key)) {
    case 'string':
      return (await client.get(key)) ?? '';
    case 'hash':
      return JSON.stringify(await client.hgetall(key));
    case 'zset':
      return JSON.stringify(await client.zrange(key, '0', '-1'));
    case 'list':
      return JSON.stringify(await client.lrange(key, 0, -1));
    case 'stream':
      return JSON.stringify(await client.xrange(key, '-', '+'));
    default:
      return JSON.stringify(await client.smembers(key));
  }
}

it('stay where they belong: no log, metric, board, error, or foreign key of Redis has one', async (test) => {
  const receiver = await Receiver.start(test);
  await redis.client.acl('SETUSER', 'planted', 'on', '>PLANTED-REDIS', '~*', '&*', '+@all');
  const url = new URL(redis.url);
  url.username = 'planted';
  url.password = 'PLANTED-REDIS';
  const fleet = await Fleet.start(test, {
    redis: { url: url.href, prefix: () => redis.prefix() },
    env: {
      OPENAI_WEBHOOK_SECRET: webhookSecret,
      RUNFLEET_CALLBACK_SECRET: callbackSecret,
      RUNFLEET_CALLBACK_ALLOW: '127.0.0.1',
    },
  });
  const callbacks = await RunfleetProcess.start(test, ['callbacks'], {
    ...fleet.env,
    RUNFLEET_METRICS_PORT: '0',
  });
  const answers: string[] = [];
  const ask = async (path: string, body?: string, key: string = secrets.runfleet): Promise<void> => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const post = body === undefined ? {} : { method: 'POST', body };
    answers.push(await (await fetch(fleet.api.apiUrl + path, { headers, ...post })).text());
  };

  const planted = aResponse({ duration_ms: 100, output: 'PLANTED-OUTPUT' }, 'PLANTED-PROMPT');
  const run = {
    ...planted,
    metadata: { note: 'PLANTED-METADATA' },
    callback: { url: `${receiver.url}?token=PLANTED-QUERY` },
  };
  const asking = aResponse({ duration_ms: 50, tool_rounds: 1, tool_arguments: '{"a":"PLANTED-ARGUMENT"}' });
  const tools = [{ type: 'function', name: 'add', parameters: { type: 'object' } }];
  const manual = { ...asking, request: { ...asking.request, tools }, tools: { mode: 'manual' } } as const;
  fleet.simulator.setFaults({
    rules: [{ operation: 'responses.retrieve', fault: { type: 'http_error', status: 503 }, next: 2 }],
  });
  await fleet.client.runs.createAndWait(run);
  await fleet.client.runs.createAndWait(aResponse({ ending: 'nonsense' }, 'PLANTED-PROMPT'));
  const { id } = await fleet.client.runs.create(manual);
  const waiting = await eventually(
    'its question',
    () => fleet.client.runs.get(id),
    ({ required_action }) => required_action !== null,
  );
  const calls = waiting.required_action?.tool_calls ?? [];
  const outputs = calls.map((call) => ({ tool_call_id: call.id, output: 'PLANTED-TOOL' }));
  await fleet.client.runs.submitToolOutputs(id, outputs);
  await fleet.client.runs.wait(id);
  await ask('/v1/runs', undefined, 'PLANTED-GUESS');
  await ask('/v1/runs', '{"request":{"input":"PLANTED-PROMPT"');
  await ask('/v1/runs', '{"label":"PLANTED-PROMPT !","request":{}}');
  await ask('/v1/webhooks/openai', '{"id":"PLANTED-PROMPT"}');
  // The connection's own troubles are logged too.
  await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await fleet.client.runs.createAndWait(run);

  for (const path of ['/metrics', '/readyz', '/v1/quota', '/v1/durations', '/openapi.json', '/v1/callbacks'])
    await ask(path);
  for (const queue of ['runs', 'tools', 'callbacks']) {
    const list = `/board/api/queues?activeQueue=${queue}&page=1&jobsPerPage=50`;
    for (const status of ['completed', 'delayed', 'failed', 'waiting']) await ask(`${list}&status=${status}`);
  }
  const said = `${fleet.output()}\n${callbacks.stdout}${callbacks.stderr}`;
  const told = [said, ...answers].join('\n');
  expect(told).not.toMatch(contents);
  expect(credentials.filter((secret) => told.includes(secret))).toEqual([]);
  // And each line about a run says which, here and at the provider.
  const lines = said.split('\n').filter((line) => line.includes('run ended'));
  expect(lines.length).toBeGreaterThan(3);
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ runId: expect.stringMatching(/^run_/) });
  expect(lines.join('\n')).toMatch(/"providerRunId":"resp_/);

  const keys = await redis.client.keys('*');
  expect(keys.length).toBeGreaterThan(10);
  const kept = await Promise.all(keys.map(async (key) => ({ key, text: `${key} ${await textOf(key)}` })));
  const holding = (isFound: (text: string) => boolean): string[] =>
    kept.filter(({ text }) => isFound(text)).map(({ key }) => key);
  expect(holding((text) => credentials.some((secret) => text.includes(secret)))).toEqual([]);
  expect(holding((text) => contents.test(text)).filter((key) => !home.test(key))).toEqual([]);
});

it('API keys are kept as digests: the memory of a process that has checked one has none of them', async (test) => {
  const directory = await mkdtemp(join(tmpdir(), 'runfleet-heap-'));
  test.onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const api = await RunfleetProcess.start(test, ['api'], {
    REDIS_URL: redis.url,
    OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
    RUNFLEET_PORT: '0',
    RUNFLEET_PREFIX: `{${basename(directory)}}`,
    RUNFLEET_API_KEYS: 'ops/admin:PLANTED-KEY-OF-OPS,shop:PLANTED-KEY-OF-SHOP',
    NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${directory}`,
  });
  const headers = { authorization: 'Bearer PLANTED-KEY-OF-SHOP', connection: 'close' };
  const answer = await fetch(`${api.apiUrl}/v1/runs`, { headers });
  expect(answer.status).toBe(200);
  await answer.arrayBuffer();

  api.signal('SIGUSR2');
  const memory = await eventually(
    'the whole memory',
    async () => {
      const [file] = await readdir(directory);
      return file === undefined ? '' : await readFile(join(directory, file), 'utf8');
    },
    (text) => text.trimEnd().endsWith(']}'),
    { everyMs: 200 },
  );
  // It has the names of the keys.
  expect(memory).toContain('"shop"');
  expect(memory.includes('PLANTED-KEY-OF')).toBe(false);
});

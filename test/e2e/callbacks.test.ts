/** Callbacks of a whole fleet: from a run's end to an endpoint, also when the process that sends them is killed. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it, type TestContext } from 'vitest';
import { signWebhook, webhookKey } from '../../src/adapters/outbound-sdk/standard-webhooks.ts';
import { callbackPayload } from '../../src/domain/wire/callback.ts';
import { processEnvironment } from '../../src/config/index.ts';
import { programFor } from '../support/deploy/binaries.ts';
import { eventually } from '../support/eventually.ts';
import { aResponse, Fleet } from '../support/fleet.ts';
import { RunfleetProcess } from '../support/processes.ts';
import { Receiver } from '../support/receiver.ts';
import { useRedis } from '../support/redis.ts';
import { required } from '../support/required.ts';

const redis = useRedis();
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

async function fleetThatCallsBack(test: TestContext): Promise<Fleet> {
  const env = { RUNFLEET_CALLBACK_SECRET: secret, RUNFLEET_CALLBACK_ALLOW: '127.0.0.1' };
  return await Fleet.start(test, { redis, env });
}

const startCallbacks = (test: TestContext, fleet: Fleet): Promise<RunfleetProcess> =>
  RunfleetProcess.start(test, ['callbacks'], { ...fleet.env, RUNFLEET_METRICS_PORT: '0' });

describe.concurrent('callbacks', () => {
  it('tell each run’s end, also when the process that sends them is killed meanwhile', async (test) => {
    const receiver = await Receiver.start(test);
    const fleet = await fleetThatCallsBack(test);
    const first = await startCallbacks(test, fleet);
    receiver.answer = () => {};
    const inputs = Array.from({ length: 10 }, () => ({
      ...aResponse({ duration_ms: 10 }),
      callback: { url: receiver.url },
    }));
    const accepted = await fleet.client.runs.createMany(inputs);
    await eventually(
      'a callback to be under way',
      () => receiver.received.length,
      (count) => count > 0,
    );
    await first.kill();
    const cut = receiver.received.map(({ headers }) => headers['webhook-id']);
    receiver.answer = (response) => response.writeHead(200).end();
    await startCallbacks(test, fleet);
    const ids = accepted.map(({ run }) => required(run).id);
    const answered = (): typeof receiver.received => receiver.received.slice(cut.length);
    await eventually(
      'all callbacks to be answered',
      () => new Set(answered().map(({ headers }) => headers['webhook-id'])),
      (seen) => seen.size === ids.length,
    );
    for (const { headers, body } of receiver.received) {
      expect(() => new Webhook(secret).verify(body, { ...headers })).not.toThrow();
      expect(callbackPayload.parse(JSON.parse(body))).toMatchObject({
        type: 'run.completed',
        data: { status: 'completed' },
      });
    }
    // What was cut off came again, under the same id.
    const again = new Set(answered().map(({ headers }) => headers['webhook-id']));
    expect(cut.filter((id) => !again.has(id ?? ''))).toEqual([]);
    const told = answered().map(({ body }) => callbackPayload.parse(JSON.parse(body)).data.id);
    expect(new Set(told)).toEqual(new Set(ids));
  });

  it('are refused at once where they can never be delivered', async (test) => {
    const fleet = await fleetThatCallsBack(test);
    const send = (url: string): Promise<unknown> =>
      fleet.client.runs.create({ ...aResponse({}), callback: { url } }).then(
        () => 'accepted',
        (error: unknown) => error,
      );
    for (const url of [
      'http://10.0.0.1/',
      'http://localhost:1/',
      'http://0x7f.2/',
      'https://u:p@example.com/',
    ]) {
      expect(await send(url)).toMatchObject({
        status: 400,
        problem: { errors: [{ pointer: '/callback/url', detail: expect.any(String) }] },
      });
    }
    const plain = await Fleet.start(test, { redis, workers: 0 });
    await expect(
      plain.client.runs.create({ ...aResponse({}), callback: { url: 'https://example.com/' } }),
    ).rejects.toThrow('RUNFLEET_CALLBACK_SECRET');
  });
});

const python = programFor('the receiver in Python', 'python3');
const receivers = [
  { file: 'receiver.ts', program: process.execPath },
  ...(python === null ? [] : [{ file: 'receiver.py', program: python.file }]),
];

describe.concurrent.each(receivers)('examples/$file', ({ file, program }) => {
  it('takes what is genuine, once, and refuses all else', async (test) => {
    const child = spawn(program, [join(import.meta.dirname, '../../examples', file)], {
      env: { PATH: processEnvironment()['PATH'], RUNFLEET_CALLBACK_SECRET: secret, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    test.onTestFinished(async () => {
      child.kill('SIGKILL');
      await exited;
    });
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    const shown = (pattern: RegExp): Promise<string> =>
      eventually(
        `${file} to print ${pattern.source}`,
        () => pattern.exec(output)?.[1] ?? '',
        (found) => found !== '',
      );
    const url = await shown(/listening on (http:\S+)/);

    const body = '{"type":"run.completed","data":{"id":"run_1","output_text":"zażółć","error":null}}';
    const post = async (more: { body?: string; secret?: string; ageMs?: number; id?: string } = {}) => {
      const { ageMs = 0, id = 'cb_run_1_ended' } = more;
      const keys = [webhookKey(more.secret ?? secret)];
      const headers = signWebhook(keys, { id, atMs: Date.now() - ageMs, body });
      return (await fetch(url, { method: 'POST', headers: { ...headers }, body: more.body ?? body })).status;
    };
    expect(await post({ secret: 'whsec_c29tZSBvdGhlciBzZWNyZXQgb2YgMzIgYnl0ZXMgISE=' })).toBe(400);
    expect(await post({ body: `${body} ` })).toBe(400);
    expect(await post({ ageMs: 600_000 })).toBe(400);
    expect(await post({ ageMs: -600_000 })).toBe(400);
    expect((await fetch(url, { method: 'POST', body })).status).toBe(400);
    expect(output).not.toContain('run_1');

    const fleet = await fleetThatCallsBack(test);
    await startCallbacks(test, fleet);
    const run = await fleet.client.runs.create({ ...aResponse({ duration_ms: 10 }), callback: { url } });
    await shown(new RegExp(`(run.completed ${run.id}): .+`));
    expect(await post()).toBe(204);
    expect(await post()).toBe(204);
    expect(output.match(/run_1:/g)).toHaveLength(1);
  });
});

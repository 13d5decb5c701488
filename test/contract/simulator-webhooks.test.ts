/** The simulator's webhooks are OpenAI's: its own SDK takes them. */

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import OpenAI from 'openai';
import { expect, it, onTestFinished } from 'vitest';
import { type SimulatorOptions, startSimulator, type WebhookOptions } from '../../src/simulator/index.ts';
import { eventually } from '../support/eventually.ts';
import { webhookSecret } from '../support/webhooks.ts';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function setUp(webhooks: Partial<WebhookOptions>, options: SimulatorOptions = {}, status = 200) {
  const received: Received[] = [];
  const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    received.push({ headers: request.headers, body: await text(request) });
    response.writeHead(status).end();
  };
  const server = createServer((request, response) => void receive(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port.');
  const simulator = await startSimulator({
    durations: { type: 'fixed', ms: 20 },
    queueDurations: { type: 'fixed', ms: 0 },
    ...options,
    webhooks: {
      url: `http://127.0.0.1:${address.port}/hook`,
      secret: webhookSecret,
      latencyMs: { type: 'fixed', ms: 1 },
      retryDelaysMs: [5, 5],
      ...webhooks,
    },
  });
  onTestFinished(async () => {
    await simulator.close();
    server.closeAllConnections();
    server.close();
  });
  const openai = new OpenAI({ apiKey: 'any', baseURL: simulator.baseUrl, maxRetries: 0 });
  const create = async (metadata: Record<string, string> = {}, background = true) =>
    await openai.responses.create({ model: 'gpt-5', input: 'Hello', background, metadata });
  const seen = (count: number) =>
    eventually(
      `${count} webhooks`,
      () => received,
      (all) => all.length >= count,
    );
  return { simulator, openai, create, received, seen };
}

it('is what the SDK unwraps', async () => {
  const { openai, create, seen } = await setUp({});
  const { id } = await create();
  const [webhook] = await seen(1);
  const event = await openai.webhooks.unwrap(
    webhook?.body ?? '',
    new Headers(Object.entries(webhook?.headers ?? {}).map(([name, value]) => [name, String(value)])),
    webhookSecret,
  );
  expect(event).toMatchObject({ object: 'event', type: 'response.completed', data: { id } });
});

it.each(['failed', 'incomplete', 'cancelled'])('tells that a response ended %s', async (ending) => {
  const { create, seen } = await setUp({});
  await create({ sim_ending: ending });
  const [webhook] = await seen(1);
  expect(JSON.parse(webhook?.body ?? '')).toMatchObject({ type: `response.${ending}` });
});

it('tells of a cancel, and of what completes after it all the same', async () => {
  const { openai, create, seen } = await setUp(
    {},
    {
      durations: { type: 'fixed', ms: 60_000 },
      faults: { cancelledCompletesProbability: 1, cancelledCompletesAfterMs: 20 },
    },
  );
  const { id } = await create();
  await openai.responses.cancel(id);
  const types = (await seen(2)).map(({ body }) => String(JSON.parse(body).type));
  expect(types.toSorted()).toEqual(['response.cancelled', 'response.completed']);
});

it('tells of a response that takes no time at all', async () => {
  const { create, seen } = await setUp({});
  const made = await Promise.all(Array.from({ length: 20 }, () => create({ sim_duration_ms: '0' })));
  const told = (await seen(20)).map(({ body }) => String(JSON.parse(body).data.id));
  expect(told.toSorted()).toEqual(made.map(({ id }) => id).toSorted());
});

it('tells nobody of a synchronous response, nor of one that is lost', async () => {
  const { create, seen, received } = await setUp({});
  await create({}, false);
  await create({ sim_ending: 'lost' });
  const { id } = await create();
  await seen(1);
  expect(received.map(({ body }) => JSON.parse(body).data.id)).toEqual([id]);
});

it('tells of thread runs where it is told to', async () => {
  const { openai, seen } = await setUp({ threadRuns: true });
  const thread = await openai.beta.threads.create();
  const run = await openai.beta.threads.runs.create(thread.id, {
    assistant_id: 'asst_1',
    metadata: { sim_ending: 'tools' },
  });
  const [webhook] = await seen(1);
  expect(JSON.parse(webhook?.body ?? '')).toMatchObject({
    type: 'thread.run.requires_action',
    data: { id: run.id },
  });
});

it('tries again under the same id until it is answered 2xx, and gives up in the end', async () => {
  const { simulator, create, seen } = await setUp({}, {}, 500);
  await create();
  const all = await seen(3);
  expect(new Set(all.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  await eventually(
    'the end of it',
    () => simulator.ledger().webhooks,
    ({ givenUp }) => givenUp === 1,
  );
  expect(simulator.ledger().webhooks).toMatchObject({ events: 1, tries: 3, failedTries: 3, delivered: 0 });
});

it('loses, doubles and forges as it is told, and counts it', async () => {
  const losing = await setUp({ lossProbability: 1 });
  await losing.create();
  await eventually(
    'the loss',
    () => losing.simulator.ledger().webhooks,
    ({ lost }) => lost === 1,
  );
  const doubling = await setUp({ duplicateProbability: 1, wrongSignatureProbability: 1 });
  await doubling.create();
  const [first, second] = await doubling.seen(2);
  expect(first?.headers['webhook-id']).toBe(second?.headers['webhook-id']);
  await expect(
    doubling.openai.webhooks.verifySignature(
      first?.body ?? '',
      new Headers(Object.entries(first?.headers ?? {}).map(([name, value]) => [name, String(value)])),
      webhookSecret,
    ),
  ).rejects.toThrow('signature');
});

it('sends nothing in an outage, and what failed in it afterwards', async () => {
  const { simulator, create, seen } = await setUp({
    outages: [{ fromMs: 0, untilMs: 1500 }],
    retryDelaysMs: Array.from({ length: 100 }, () => 50),
  });
  await create();
  await seen(1);
  const { sinceMs, nowMs, webhooks } = simulator.ledger();
  expect(nowMs - sinceMs).toBeGreaterThanOrEqual(1500);
  expect(webhooks.failedTries).toBeGreaterThan(0);
});

it('tells of one run as its metadata says, whatever the others do', async () => {
  const { simulator, create, seen } = await setUp({ lossProbability: 1 });
  const { id } = await create({ sim_webhook_ms: '5' });
  await create({ sim_webhook_ms: 'never' });
  await create();
  const [webhook] = await seen(1);
  expect(JSON.parse(webhook?.body ?? '')).toMatchObject({ data: { id } });
  await eventually(
    'the others to be over',
    () => simulator.ledger().webhooks,
    ({ lost }) => lost === 2,
  );
  expect(simulator.ledger().webhooks).toMatchObject({ events: 3, tries: 1 });
});

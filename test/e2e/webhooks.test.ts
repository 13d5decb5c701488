/** A fleet that is told: what its runs cost, and that every one of them ends whatever becomes of the webhooks. */

import { expect, it } from 'vitest';
import { type RunView } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { aResponse, Fleet, type FleetOptions } from '../support/fleet.ts';
import type { Lifetime } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import type { WebhookOptions } from '../../src/simulator/index.ts';
import { anEvent, signedWebhook, webhookSecret } from '../support/webhooks.ts';

const redis = useRedis();

/** As polling without any help would be: each look it makes is one too many. */
const lazy = { RUNFLEET_BACKOFF_INITIAL_MS: '30000', RUNFLEET_BACKOFF_MAX_MS: '30000' };

async function toldFleet(
  owner: Lifetime,
  webhooks: Partial<WebhookOptions> = {},
  options: Partial<FleetOptions> = {},
): Promise<Fleet> {
  const env = { OPENAI_WEBHOOK_SECRET: webhookSecret, ...lazy, ...options.env };
  const fleet = await Fleet.start(owner, { redis, workers: 2, ...options, env });
  fleet.simulator.configure({
    webhooks: { url: `${fleet.api.apiUrl}/v1/webhooks/openai`, secret: webhookSecret, ...webhooks },
  });
  return fleet;
}

async function carry(fleet: Fleet, durationsMs: readonly number[]): Promise<RunView[]> {
  const accepted = await fleet.client.runs.createMany(
    durationsMs.map((ms) => aResponse({ duration_ms: ms })),
  );
  return await Promise.all(accepted.map(({ run }) => fleet.client.runs.wait(run?.id ?? '')));
}

const totalCalls = (fleet: Fleet): number => fleet.ledger().callsTotal;

it('costs two calls a run', async (test) => {
  const fleet = await toldFleet(test);
  const durations = Array.from({ length: 200 }, (_, n) => (n * 37) % 4000);
  const ended = await carry(fleet, durations);
  expect(ended.every(({ status, found_by }) => status === 'completed' && found_by === 'webhook')).toBe(true);
  expect(totalCalls(fleet)).toBe(2 * durations.length);
  expect(fleet.ledger().webhooks.delivered).toBe(durations.length);
});

it('costs at most 2.05 calls a run when one webhook of a hundred is lost', async (test) => {
  const fleet = await toldFleet(
    test,
    { lossProbability: 0.01 },
    { env: { RUNFLEET_BACKOFF_INITIAL_MS: '8000', RUNFLEET_BACKOFF_MAX_MS: '8000' } },
  );
  const ended = await carry(
    fleet,
    Array.from({ length: 300 }, (_, n) => (n * 37) % 3000),
  );
  expect(ended.every(({ status }) => status === 'completed')).toBe(true);
  expect(totalCalls(fleet) / ended.length).toBeLessThanOrEqual(2.05);
});

it('looks once for webhooks that come twice, late, out of order, and before the create is answered', async (test) => {
  const fleet = await toldFleet(test, {
    duplicateProbability: 1,
    latencyMs: { type: 'uniform', minMs: 0, maxMs: 800 },
  });
  // Every answer takes longer than the shortest runs and their webhooks.
  fleet.simulator.configure({ latencyMs: { type: 'fixed', ms: 300 } });
  const ended = await carry(
    fleet,
    Array.from({ length: 60 }, (_, n) => (n % 3) * 100),
  );
  expect(ended.map(({ calls }) => calls.total)).toEqual(ended.map(() => 2));
  await eventually(
    'all duplicates to be there',
    () => fleet.ledger().webhooks,
    ({ delivered }) => delivered === 2 * ended.length,
  );
  expect(totalCalls(fleet)).toBe(2 * ended.length);
});

it('ends every run with losses, duplicates, disorder, an outage, forgeries and a worker that is killed', async (test) => {
  const fleet = await toldFleet(
    test,
    {
      lossProbability: 0.2,
      duplicateProbability: 0.2,
      wrongSignatureProbability: 0.1,
      latencyMs: { type: 'uniform', minMs: 0, maxMs: 1500 },
      // As a minute is to runs of minutes.
      outages: [{ fromMs: 3000, untilMs: 6000 }],
      retryDelaysMs: [500, 1000, 2000, 4000],
    },
    {
      workers: 3,
      env: { RUNFLEET_BACKOFF_INITIAL_MS: '2000', RUNFLEET_BACKOFF_MAX_MS: '4000' },
    },
  );
  const running = carry(
    fleet,
    Array.from({ length: 200 }, (_, n) => 500 + ((n * 53) % 8000)),
  );
  await eventually(
    'some to be over',
    () => fleet.ledger().webhooks.delivered,
    (count) => count > 20,
  );
  await fleet.workers[0]?.kill();
  const ended = await running;
  expect(ended.every(({ status }) => status === 'completed')).toBe(true);
  const { duplicates, responses, webhooks } = fleet.ledger();
  expect(duplicates).toEqual([]);
  expect(responses).toMatchObject({ created: 200, open: 0 });
  expect(webhooks.lost).toBeGreaterThan(10);
});

it('adopts the run whose create was never answered', async (test) => {
  const fleet = await toldFleet(test);
  fleet.simulator.setFaults({
    rules: [{ operation: 'responses.create', fault: { type: 'lost_reply' }, next: 5 }],
  });
  const ended = await carry(fleet, [300, 400, 500, 600, 700, 800, 900, 1000]);
  expect(ended.every(({ status }) => status === 'completed')).toBe(true);
  expect(ended.every(({ calls }) => calls.create === 1)).toBe(true);
  expect(fleet.ledger()).toMatchObject({ duplicates: [], responses: { created: 8 } });
  expect(totalCalls(fleet)).toBeLessThanOrEqual(8 * 2 + 5);
});

it(
  'adopts one that takes longer than a quarantine, since webhooks come',
  { timeout: 180_000 },
  async (test) => {
    const fleet = await toldFleet(test, {}, { workers: 1, env: { RUNFLEET_POLL_POLICY: 'learned' } });
    await carry(fleet, [100, 200, 300, 400]);
    const callsBefore = totalCalls(fleet);
    fleet.simulator.setFaults({
      rules: [{ operation: 'responses.create', fault: { type: 'lost_reply' }, next: 1 }],
    });
    const [ended] = await carry(fleet, [75_000]);
    expect(ended).toMatchObject({ status: 'completed', calls: { create: 1, retrieve: 1 } });
    expect(totalCalls(fleet) - callsBefore).toBe(2);
  },
);

it('is not moved by ten thousand webhooks that are forged, replayed, broken or too large', async (test) => {
  const fleet = await toldFleet(test, {}, { workers: 1 });
  const [run] = await carry(fleet, [100]);
  const providerRunId = run?.provider_run_id ?? '';
  const old = signedWebhook(anEvent(providerRunId), { atMs: Date.now() - 3_600_000 });
  const good = signedWebhook(anEvent(providerRunId));
  const forged = `whsec_${Buffer.from('a secret that is not the fleet’s').toString('base64')}`;
  const makers: ((n: number) => { headers: Readonly<Record<string, string>>; body: string })[] = [
    (n) => signedWebhook(anEvent(`resp_forged_${n}`), { secret: forged }),
    () => old,
    // Replayed within its time: its run has ended.
    () => good,
    (n) => ({ ...good, body: good.body.slice(0, n % good.body.length) }),
    () => ({ ...good, body: `${good.body}${' '.repeat(300_000)}` }),
    (n) => signedWebhook(anEvent(`resp_foreign_${n}`)),
    () => ({ headers: {}, body: good.body }),
  ];
  const keysBefore = new Set(await redis.client.keys(`${fleet.prefix}:*`));
  const callsBefore = totalCalls(fleet);
  const statuses = new Map<number, number>();
  const url = `${fleet.api.apiUrl}/v1/webhooks/openai`;
  for (let sent = 0; sent < 10_000; sent += 50) {
    await Promise.all(
      Array.from({ length: 50 }, async (_, at) => {
        // The large ones are few: it is their number that counts, not their bytes.
        const kind = (sent + at) % 100 === 4 ? 4 : [0, 1, 2, 3, 5, 6][at % 6];
        const { headers, body } = makers[kind ?? 0]?.(sent + at) ?? good;
        const answer = await fetch(url, { method: 'POST', headers, body });
        await answer.text();
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      }),
    );
  }
  expect(new Set(statuses.keys())).toEqual(new Set([200, 400]));
  expect(totalCalls(fleet)).toBe(callsBefore);
  // Some go by themselves meanwhile.
  const keysAfter = await redis.client.keys(`${fleet.prefix}:*`);
  expect(keysAfter.filter((key) => !keysBefore.has(key))).toEqual([]);
  expect(await fleet.client.runs.get(run?.id ?? '')).toEqual(run);
  const output = fleet.output();
  expect(output).not.toContain(webhookSecret);
  // A line a minute tells of them, not ten thousand.
  expect(output.split('webhooks are refused').length).toBeLessThan(5);
});

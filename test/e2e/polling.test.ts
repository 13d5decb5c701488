/** What a fleet’s workers agree on about looks: their price under a short quota, and whether webhooks come. */

import { expect, it } from 'vitest';
import * as z from 'zod';
import type { RunView } from '../../src/client/index.ts';
import { freePort } from '../../src/runtime/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { aResponse, Fleet, type FleetOptions } from '../support/fleet.ts';
import type { Lifetime, RunfleetProcess } from '../support/processes.ts';
import { describeOnRealRedis, useRedis } from '../support/redis.ts';
import { webhookSecret } from '../support/webhooks.ts';

const redis = useRedis();
const readiness = z.object({ checks: z.record(z.string(), z.looseObject({ ok: z.boolean() })) });
/** The quota sets the pace here, and it is the same on any machine. */
const patience = { withinMs: 120_000, everyMs: 200 };

async function twoWorkers(owner: Lifetime, options: Pick<FleetOptions, 'simulator' | 'env'>): Promise<Fleet> {
  const fleet = await Fleet.start(owner, { redis, workers: 0, ...options });
  for (let n = 0; n < 2; n += 1) await fleet.addWorker({ RUNFLEET_METRICS_PORT: String(await freePort()) });
  return fleet;
}

async function gauge(worker: RunfleetProcess, name: string): Promise<number> {
  const page = await (await fetch(`${worker.metricsUrl}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1] ?? Number.NaN);
}

async function onAllWorkers(
  fleet: Fleet,
  what: string,
  name: string,
  done: (value: number) => boolean,
): Promise<void> {
  const read = () => Promise.all(fleet.workers.map((worker) => gauge(worker, name)));
  await eventually(what, read, (values) => values.every(done), patience);
}

interface Sort {
  readonly label: string;
  readonly durationMs: number;
  readonly follow?: 'poll';
}

async function carry(fleet: Fleet, sort: Sort, count: number): Promise<RunView[]> {
  const { durationMs, ...rest } = sort;
  const run = { ...aResponse({ duration_ms: durationMs }), ...rest };
  const accepted = await fleet.client.runs.createMany(Array.from({ length: count }, () => run));
  return await Promise.all(accepted.map(({ run: one }) => fleet.client.runs.wait(one?.id ?? '')));
}

/** Keeps `inFlight` runs of a sort going while `isWanted`; resolves with those that ended meanwhile. */
async function keepGoing(
  fleet: Fleet,
  sort: Sort,
  inFlight: number,
  isWanted: () => boolean,
): Promise<RunView[]> {
  const ended: RunView[] = [];
  const one = async (): Promise<void> => {
    while (isWanted()) ended.push(...(await carry(fleet, sort, 1)));
  };
  await Promise.all(Array.from({ length: inFlight }, one));
  return ended;
}

describeOnRealRedis('a quota that is short', () => {
  it('makes looks dearer for all workers while the quota is short, starves no class, and takes it back', async (test) => {
    const [rpm, costSeconds] = [480, 0.02];
    const fleet = await twoWorkers(test, {
      simulator: { requestsPerMinute: rpm },
      env: {
        RUNFLEET_POLL_POLICY: 'learned',
        RUNFLEET_POLL_COST_SECONDS: String(costSeconds),
        RUNFLEET_RPM: String(rpm),
      },
    });
    const price = 'runfleet_poll_price_seconds';
    await onAllWorkers(fleet, 'the price to be the setting', price, (value) => value === costSeconds);

    // Each class would use up the quota alone; neither may wait for the other to be over.
    let isOver = false;
    const long = carry(fleet, { label: 'long', durationMs: 25_000 }, 60).finally(() => (isOver = true));
    const short = keepGoing(fleet, { label: 'short', durationMs: 300 }, 8, () => !isOver);
    await onAllWorkers(fleet, 'looks to be dearer', price, (value) => value > 3 * costSeconds);
    const ended = [...(await long), ...(await short)];
    expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['completed']));
    const calls = (label: string): number =>
      ended.filter((run) => run.label === label).reduce((sum, run) => sum + run.calls.total, 0);
    const total = calls('long') + calls('short');
    expect(calls('long') / total).toBeGreaterThan(0.1);
    expect(calls('short') / total).toBeGreaterThan(0.1);
    expect(fleet.ledger()).toMatchObject({ throttled: 0, duplicates: [] });
    expect(fleet.ledger().worstWindow.calls).toBeLessThanOrEqual(rpm);

    await onAllWorkers(fleet, 'the price to be the setting again', price, (value) => value === costSeconds);
  });
});

it('notices that webhooks stop, says so, looks as without them, and goes back by itself', async (test) => {
  const fleet = await twoWorkers(test, {
    env: {
      OPENAI_WEBHOOK_SECRET: webhookSecret,
      RUNFLEET_POLL_POLICY: 'learned',
      RUNFLEET_POLL_COST_SECONDS: '2',
      RUNFLEET_LOG_LEVEL: 'info',
    },
  });
  const tell = (lossProbability: number): void =>
    fleet.simulator.configure({
      webhooks: { url: `${fleet.api.apiUrl}/v1/webhooks/openai`, secret: webhookSecret, lossProbability },
    });
  const said = (line: string): number[] =>
    fleet.workers.map(({ stdout, stderr }) => (stdout + stderr).split(line).length - 1);
  const webhooks = async () =>
    readiness.parse(await (await fetch(`${fleet.api.apiUrl}/readyz`)).json()).checks['webhooks'];
  const ratio = 'runfleet_webhook_arrival_ratio';
  const sort = { label: 'chat', durationMs: 700 };
  let isOver = false;
  tell(0);
  const flow = keepGoing(fleet, sort, 6, () => !isOver);
  try {
    await onAllWorkers(fleet, 'webhooks to be relied on', ratio, (value) => value > 0.9);
    expect(await webhooks()).toEqual({ ok: true });
    const [stopped, again] = ['Webhooks have stopped coming', 'Webhooks come again'];
    const before = { stopped: said(stopped), again: said(again) };

    tell(1);
    await onAllWorkers(fleet, 'webhooks to be given up', ratio, (value) => value < 0.1);
    expect(await webhooks()).toMatchObject({ ok: false, detail: expect.stringContaining(stopped) });
    const [untold, polled] = await Promise.all([
      carry(fleet, sort, 12),
      carry(fleet, { ...sort, follow: 'poll' }, 12),
    ]);
    expect(new Set(untold.map((run) => run.found_by))).toEqual(new Set(['poll']));
    // As the looks came, by a machine that may be late: how much dearer looks are is asked of the ratio, above.
    expect(firstLookMs(untold)).toBeLessThan(3 * firstLookMs(polled));
    expect(said(stopped)).toEqual(before.stopped.map((count) => count + 1));
    expect(said(again)).toEqual(before.again);

    tell(0);
    await onAllWorkers(fleet, 'webhooks to be relied on again', ratio, (value) => value > 0.9);
    expect(await webhooks()).toEqual({ ok: true });
    expect(said(stopped)).toEqual(before.stopped.map((count) => count + 1));
    expect(said(again)).toEqual(before.again.map((count) => count + 1));
  } finally {
    isOver = true;
    await flow;
  }
});

/** The median age at the first look, and that its reason is told. */
function firstLookMs(runs: readonly RunView[]): number {
  const ages = runs.map(({ looks: [first] }) => {
    expect(['learned', 'guard']).toContain(first?.reason);
    return first?.age_ms ?? Number.NaN;
  });
  return ages.toSorted((a, b) => a - b)[Math.floor(ages.length / 2)] ?? Number.NaN;
}

/**
 * The promise, measured where it counts: at a server that keeps the time of each arrival, with worker processes whose
 * wall clocks are minutes apart, and one of them killed on the way. A shorter window than a minute, the same arithmetic.
 */
import { expect, test } from 'vitest';

import { ArrivalServer } from '../../support/arrival-server.ts';
import { jain, worstWindow } from '../../support/arrivals.ts';
import { addRuns } from './load-queue.ts';
import { RedisServer } from './redis-server.ts';
import { until, Workers } from './workers.ts';

const windowMs = 12_000;
const latencyMs = 5;
/** Wide enough for a machine that is slow between the permit and the arrival; it is a fifteenth of the quota. */
const settings = { windowMs, jitterMs: 800, bookMs: 750, contactMs: 700 };
const skews = [0, 600_000, -600_000, 90_000];

/**
 * A machine that comes late to a slot loses it, so this bound is for limiters that are broken. What is wasted to the last
 * per cent is measured in virtual time, where no machine is slow: `saturated.test.ts`.
 */
const leastUse = 0.75;

test('four processes, one killed: no window over the limit, no 429, nearly all of the quota used', async () => {
  const limit = 1800;
  await using redis = await RedisServer.start();
  await using provider = await ArrivalServer.start({ limit, windowMs, latencyMs });
  const client = redis.client();
  await addRuns(client, 'look', 1500);
  await using workers = new Workers();
  for (const [at, skewMs] of skews.entries()) {
    const options = {
      name: `w${at}`,
      redisPort: redis.port,
      url: provider.url,
      settings,
      skewMs,
      concurrency: 100,
      tickMs: 20,
    };
    // Four calls of headroom would be a third of what may be wasted in so small a window.
    workers.start({ ...options, settings: { ...settings, requests: limit, headroomShare: 0 } });
  }
  // Everybody is up, and the queue is in its stride.
  await until(() => new Set(provider.arrivals.map(({ worker }) => worker)).size === skews.length);
  await until(() => provider.arrivals.length >= 600);
  const fromMs = performance.now();
  const before = await counts(client);
  await until(() => provider.arrivals.length >= 2400);
  const killedMs = performance.now();
  await workers.kill(0);
  await until(() => provider.arrivals.length >= 4800);
  const toMs = performance.now();
  const after = await counts(client);
  const reports = await workers.stop();
  client.disconnect();

  const during = provider.arrivals.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
  const use = (sinceMs: number, untilMs: number): number => {
    const count = during.filter(({ atMs }) => atMs >= sinceMs && atMs < untilMs).length;
    return count / ((limit * (untilMs - sinceMs)) / windowMs);
  };
  expect(
    worstWindow(
      provider.arrivals.map(({ atMs }) => atMs),
      windowMs,
    ),
  ).toBeLessThanOrEqual(limit);
  expect(provider.throttled).toBe(0);
  expect(reports.map(({ throttled }) => throttled)).toEqual([0, 0, 0]);
  expect(use(fromMs, killedMs)).toBeGreaterThanOrEqual(leastUse);
  // What the killed one had in hand is lost: some slots of the second after, which weigh more in a window so short.
  expect(use(killedMs + 1500, toMs)).toBeGreaterThanOrEqual(leastUse);
  expect((after - before) / during.length).toBeLessThanOrEqual(0.25);
  const survivors = ['w1', 'w2', 'w3'].map((name) => during.filter(({ worker }) => worker === name).length);
  expect(jain(survivors)).toBeGreaterThanOrEqual(0.99);
});

test('submits do not wait behind looks, and creates and looks share', async () => {
  const limit = 2400;
  await using redis = await RedisServer.start();
  await using provider = await ArrivalServer.start({ limit, windowMs, latencyMs });
  const client = redis.client();
  await addRuns(client, 'look', 800);
  await addRuns(client, 'create', 400);
  await using workers = new Workers();
  for (const name of ['w0', 'w1']) {
    const options = {
      name,
      redisPort: redis.port,
      url: provider.url,
      skewMs: 0,
      concurrency: 100,
      tickMs: 20,
    };
    workers.start({ ...options, settings: { ...settings, requests: limit } });
  }
  await until(() => provider.arrivals.length >= 400);
  await addRuns(client, 'submit', 1);
  const from = provider.arrivals.length;
  const submits = (): number => provider.arrivals.slice(from).filter(({ path }) => path === '/submit').length;
  await until(() => provider.arrivals.length >= from + 2400 && submits() > 10);
  const reports = await workers.stop();
  client.disconnect();

  const during = provider.arrivals.slice(from);
  const share = (name: string): number => during.filter(({ path }) => path === `/${name}`).length;
  const plain = share('create') + share('look');
  expect(share('create') / plain).toBeGreaterThan(0.35);
  expect(share('look') / plain).toBeGreaterThan(0.35);
  const median = (name: string): number => {
    const waits = reports.flatMap(({ waitedMs }) => waitedMs[name] ?? []).sort((a, b) => a - b);
    return waits[Math.floor(waits.length / 2)] ?? Infinity;
  };
  // Looks queue for seconds; that is the comparison, not a stopwatch.
  expect(median('submit')).toBeLessThan(median('look') / 10);
  expect(
    worstWindow(
      provider.arrivals.map(({ atMs }) => atMs),
      windowMs,
    ),
  ).toBeLessThanOrEqual(limit);
  expect(provider.throttled).toBe(0);
});

async function counts(client: { info(section: string): Promise<string> }): Promise<number> {
  const stats = await client.info('commandstats');
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

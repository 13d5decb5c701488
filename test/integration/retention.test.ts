/** What goes when a run is kept no longer, and who removes it. */

import { Queue } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
import { removeExpired } from '../../src/adapters/bullmq/expiry.ts';
import { IndexRepair } from '../../src/adapters/bullmq/index-repair.ts';
import { runKeys, runsQueue } from '../../src/adapters/bullmq/keys.ts';
import { BullmqRunStore } from '../../src/adapters/bullmq/run-store.ts';
import { RunsWorker } from '../../src/adapters/bullmq/runs-worker.ts';
import { Sweep } from '../../src/adapters/bullmq/sweep.ts';
import { leastKeptMs } from '../../src/domain/retention.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { eventually } from '../support/eventually.ts';
import { anOutcome, ended, someData } from '../support/fakes/builders.ts';
import { ManualClock } from '../support/fakes/manual-clock.ts';
import { RecordingTelemetry } from '../support/fakes/telemetry.ts';
import { opened } from '../support/redis-ports.ts';
import { describeOnRealRedis, useRedis } from '../support/redis.ts';

const redis = useRedis();
const later = (ms: number): number => Date.now() + ms;

interface Rig {
  readonly queue: Queue;
  readonly client: typeof redis.client;
  readonly prefix: string;
  readonly store: BullmqRunStore;
  readonly keys: ReturnType<typeof runKeys>;
}

function rig(): Rig {
  const prefix = redis.prefix();
  const { client } = redis;
  const queue = new Queue(runsQueue, { connection: client, prefix });
  queue.on('error', () => {});
  onTestFinished(() => queue.close());
  const store = new BullmqRunStore({ queue, client, prefix, defaultDeadlineSeconds: 600 });
  return { queue, client, prefix, store, keys: runKeys(prefix) };
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `run-${n}`);
const large = { request: { input: 'x'.repeat(10_000) } };

/** Adds runs of each sort, and has them ended in order. */
async function endAll(
  { prefix, store, queue }: Rig,
  runs: readonly string[],
  concurrency = 1,
): Promise<void> {
  const client = opened(redis.url);
  const worker = new RunsWorker({
    client,
    prefix,
    concurrency,
    defaultDeadlineSeconds: 600,
    clock: systemClock,
    telemetry: new RecordingTelemetry(),
    step: async (activation) => {
      await activation.commit({ ...ended(), providerRunId: `resp_${activation.spec.id}` }, anOutcome());
      return { type: 'ended', result: null };
    },
  });
  const accepted_at = new Date().toISOString();
  await store.addMany(
    runs.map((id, at) => ({
      id,
      data: someData({ accepted_at, ...(at % 2 === 0 ? large : {}), lane: `lane-${at}`, owner: 'ann' }),
    })),
  );
  await worker.start();
  await eventually(
    'all to have ended',
    () => queue.getJobCounts('completed'),
    ({ completed }) => completed === runs.length,
    { withinMs: 50_000, everyMs: 50 },
  );
  await worker.stop(5000);
  client.disconnect();
}

/** What is not BullMQ's own and not of a run. */
const lasting = new Set([
  'owners',
  'sweeper',
  'runs:id',
  'runs:meta',
  'runs:events',
  'runs:marker',
  'runs:stalled-check',
]);

async function keysOf({ client, prefix }: Rig): Promise<string[]> {
  const found = await client.keys(`${prefix.replaceAll(/[{}]/g, '?')}:*`);
  return found.map((key) => key.slice(prefix.length + 1)).filter((key) => !lasting.has(key));
}

it('leaves no key of a run when its time is over', async () => {
  const here = rig();
  await endAll(here, ids(20));
  expect((await keysOf(here)).length).toBeGreaterThan(40);
  const kept = { keepMs: 3_600_000, keepRuns: Infinity };
  await expect(removeExpired(here, later(0), kept)).resolves.toBe(0);
  await expect(removeExpired(here, later(3_601_000), kept)).resolves.toBe(20);
  await expect(keysOf(here)).resolves.toEqual([]);
});

it('removes those that ended first when there are too many, but none within a minute of its end', async () => {
  const here = rig();
  await endAll(here, ids(12));
  const retention = { keepMs: 86_400_000, keepRuns: 5 };
  await expect(removeExpired(here, later(0), retention)).resolves.toBe(0);
  await expect(removeExpired(here, later(leastKeptMs + 1000), retention)).resolves.toBe(7);
  const { runs } = await here.store.list({ limit: 100 });
  expect(runs.map(({ spec }) => spec.id).sort()).toEqual(['run-10', 'run-11', 'run-7', 'run-8', 'run-9']);
});

it('keeps so many of a burst of thousands, and nothing of the others, while Redis serves on', async () => {
  const here = rig();
  const { client, keys, prefix } = here;
  const [runs, keepRuns] = [5000, 100];
  await endAll(here, ids(runs), 50);
  const otherKeys = (id: string): string[] => [`${prefix}:output:${id}`, `${prefix}:stream-end:${id}`];
  const pipeline = client.pipeline();
  for (const id of ids(runs)) {
    for (const key of [...otherKeys(id), keys.wake(id)]) pipeline.set(key, 'x');
    pipeline.hset(keys.tools(id), 'c1', 'x'.repeat(100));
  }
  await pipeline.exec();
  const before = (await keysOf(here)).length;

  const bystander = opened(redis.url);
  onTestFinished(() => bystander.disconnect());
  let served = 0;
  const over = new AbortController();
  const serving = (async () => {
    while (!over.signal.aborted) {
      await bystander.get('x');
      served += 1;
    }
  })();
  const atMs = later(leastKeptMs + 1000);
  const retention = { keepMs: 86_400_000, keepRuns };
  await expect(removeExpired({ ...here, otherKeys }, atMs, retention)).resolves.toBe(runs - keepRuns);
  over.abort();
  await serving;

  // At the least between its turns of 500 runs.
  expect(served).toBeGreaterThan(runs / 500);
  const kept = new Set([
    ...(await client.zrangebyscore(keys.finished('completed'), '-inf', '+inf')),
    ...(await client.zrangebyscore(keys.index, '-inf', '+inf')),
  ]);
  expect(kept.size).toBe(keepRuns);
  const left = await keysOf(here);
  const ofRuns = left.filter((key) => key.includes('run-'));
  expect(ofRuns.filter((key) => !kept.has(/run-\d+/.exec(key)?.[0] ?? ''))).toEqual([]);
  // What is of no run is there in small numbers: lanes and indexes.
  expect(left.length).toBeLessThan((before * keepRuns) / runs + 50);
});

describeOnRealRedis('a long index, on a server that is quick enough for it', () => {
  it('goes through a long index turn by turn, and drops what has no job', async () => {
    const here = rig();
    const runs = ids(1200);
    const accepted_at = new Date().toISOString();
    await here.store.addMany(runs.map((id) => ({ id, data: someData({ accepted_at, owner: 'ann' }) })));
    // As a producer's own `removeOnComplete` does it, or a hand.
    for (const id of ['run-3', 'run-700', 'run-1199']) await here.queue.remove(id);
    const repair = new IndexRepair(here);
    await expect(repair.turn(later(0))).resolves.toBe(0);
    let dropped = 0;
    for (let turns = 0; turns < 4; turns += 1) dropped += await repair.turn(later(120_000));
    expect(dropped).toBe(3);
    expect(await here.client.zcard(here.keys.index)).toBe(1197);
    expect(await here.client.zcard(here.keys.ownerIndex('ann'))).toBe(1197);
    expect(await here.client.zcard(here.keys.statusIndex('responses', 'accepted'))).toBe(1197);
  });
});

it('is the work of one worker, and of another when that one is gone', async () => {
  const here = rig();
  const retention = { keepMs: 0, keepRuns: Infinity };
  const clock = new ManualClock(later(1000));
  const options = { ...here, clock, retention, intervalMs: 60_000 };
  const [first, second] = [new Sweep(options), new Sweep(options)];
  await first.turn();
  await endAll(here, ids(3));
  clock.advance(10_000);
  await second.turn();
  expect(await here.client.zcard(here.keys.index)).toBe(3);
  await first.turn();
  expect(await here.client.zcard(here.keys.index)).toBe(0);
  expect(await here.client.pttl(here.keys.sweeper)).toBeGreaterThan(60_000);
  await here.client.del(here.keys.sweeper);
  await endAll(here, ids(3));
  clock.advance(10_000);
  await second.turn();
  expect(await here.client.zcard(here.keys.index)).toBe(0);
});

/** The worker and its activations on Redis: what is written together, what is never lost, what is refused. */

import { Queue } from 'bullmq';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runKeys, runsQueue } from '../../src/adapters/bullmq/keys.ts';
import { BullmqRunStore } from '../../src/adapters/bullmq/run-store.ts';
import { RunsWorker, type RunsWorkerOptions } from '../../src/adapters/bullmq/runs-worker.ts';
import type { Activation } from '../../src/ports/run-store.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { eventually } from '../support/eventually.ts';
import { anOutcome, ended, following, someData } from '../support/fakes/builders.ts';
import { RecordingTelemetry } from '../support/fakes/telemetry.ts';
import { opened } from '../support/redis-ports.ts';
import { useRedis } from '../support/redis.ts';
import { RedisMonitor } from '../support/redis-monitor.ts';

const redis = useRedis();
const hourMs = 3_600_000;

interface Rig {
  readonly prefix: string;
  readonly keys: ReturnType<typeof runKeys>;
  readonly store: BullmqRunStore;
  readonly telemetry: RecordingTelemetry;
  readonly worker: (step: RunsWorkerOptions['step']) => Promise<RunsWorker>;
}

function rig(url = redis.url): Rig {
  const prefix = redis.prefix();
  const client = opened(url);
  const queue = new Queue(runsQueue, { connection: client, prefix });
  queue.on('error', () => {});
  onTestFinished(async () => {
    await queue.close();
    client.disconnect();
  });
  const telemetry = new RecordingTelemetry();
  return {
    prefix,
    keys: runKeys(prefix),
    telemetry,
    store: new BullmqRunStore({ queue, client, prefix, defaultDeadlineSeconds: 600 }),
    worker: async (step) => {
      const own = opened(url);
      const worker = new RunsWorker({
        client: own,
        prefix,
        concurrency: 20,
        defaultDeadlineSeconds: 600,
        clock: systemClock,
        telemetry,
        step,
      });
      onTestFinished(async () => {
        await worker.stop(5000);
        own.disconnect();
      });
      await worker.start();
      return worker;
    },
  };
}

const now = (): { accepted_at: string } => ({ accepted_at: new Date().toISOString() });
const parkedFor = (ms: number, looks = 0) => following({ wakeAtMs: Date.now() + ms, looks });

it('writes the state and the next time in one command', async () => {
  const { store, worker, keys, prefix } = rig();
  const writes: string[] = [];
  using _monitor = await RedisMonitor.open(redis.port, (line) => {
    if (line.includes('resp_marked')) writes.push(line);
  });
  await worker(async (activation) => {
    await activation.park({ ...parkedFor(hourMs), providerRunId: 'resp_marked' });
    return { type: 'parked' };
  });
  await store.add('run-1', someData(now()));
  await eventually(
    'the park',
    () => redis.client.zscore(`${prefix}:runs:delayed`, 'run-1'),
    (score) => score !== null,
  );
  const scripts = (): string[] => writes.filter((line) => /"eval(sha)?" /i.test(line));
  // The last script carries the state and its time; before it, the state was written with its new index.
  await eventually(
    'its script to be seen',
    scripts,
    (seen) => seen.at(-1)?.includes(`${prefix}:runs:delayed`) === true,
  );
  const state = JSON.parse((await redis.client.hget(keys.job('run-1'), 'progress')) ?? '');
  expect(state).toMatchObject({ providerRunId: 'resp_marked' });
});

describe('a wake', () => {
  it('is never lost: each of 400, racing with steps on two workers, is followed by a look', async () => {
    const { store, worker } = rig();
    const runs = Array.from({ length: 20 }, (_, n) => `run-${n}`);
    const looks = new Map(runs.map((id) => [id, 0]));
    const step = async (activation: Activation) => {
      const { wokenBy } = await activation.takeSignals();
      const { id } = activation.spec;
      if (wokenBy !== null) looks.set(id, (looks.get(id) ?? 0) + 1);
      // Now the next wake comes, at any moment of the park.
      for (let turns = Math.floor(Math.random() * 8); turns > 0; turns -= 1)
        await new Promise((resolve) => setImmediate(resolve));
      await activation.park(parkedFor(hourMs));
      return { type: 'parked' } as const;
    };
    await worker(step);
    await worker(step);
    await store.addMany(runs.map((id) => ({ id, data: someData(now()) })));
    await Promise.all(
      runs.map(async (id) => {
        for (let wakes = 0; wakes < 20; wakes += 1) {
          const before = looks.get(id) ?? 0;
          await store.wake(id, 'webhook');
          await eventually(
            `a look after wake ${wakes} of ${id}`,
            () => looks.get(id) ?? 0,
            (seen) => seen > before,
            {
              everyMs: 1,
            },
          );
        }
      }),
    );
    // And none is left that would cost a look for nothing.
    const { jobs } = await eventually(
      'all to be parked',
      () => store.counts(),
      (counts) => counts.jobs['delayed'] === runs.length,
    );
    expect(jobs['active']).toBe(0);
  });

  it('that is not followed by a step costs nothing: one look for any number of wakes at once', async () => {
    const { store, worker } = rig();
    let steps = 0;
    await worker(async (activation) => {
      await activation.takeSignals();
      steps += 1;
      await activation.park(parkedFor(hourMs));
      return { type: 'parked' };
    });
    await store.add('run-1', someData(now()));
    const parked = () =>
      eventually(
        'the park',
        () => store.counts(),
        ({ jobs }) => jobs['delayed'] === 1 && jobs['active'] === 0,
      );
    await parked();
    await Promise.all(Array.from({ length: 50 }, () => store.wake('run-1', 'webhook')));
    await eventually(
      'a look',
      () => steps,
      (count) => count >= 2,
    );
    await parked();
    expect(steps).toBeLessThan(10);
  });
});

describe('a run', () => {
  it('is taken up again however often its worker stalls, and that is no fault of its own', async () => {
    const { store, worker, keys } = rig();
    let stalls = 0;
    const refusals: unknown[] = [];
    const started = await worker(async (activation) => {
      if (stalls < 5) {
        stalls += 1;
        await redis.client.del(keys.lock('run-1'));
        // Held until another activation has begun: this one is lost by then.
        const mine = stalls;
        await eventually(
          'the next activation',
          () => stalls,
          (count) => count > mine || count === 5,
        );
        refusals.push(await activation.park(parkedFor(0)).catch((error: unknown) => error));
        return { type: 'parked' };
      }
      await activation.commit(ended(), anOutcome());
      return { type: 'ended', result: 'done' };
    });
    started.worker.opts.stalledInterval = 100;
    await store.add('run-1', someData(now()));
    await eventually(
      'its end',
      () => store.get('run-1'),
      (record) => record?.outcome !== null,
    );
    expect(stalls).toBe(5);
    await eventually(
      'all refusals',
      () => refusals.length,
      (count) => count === 5,
    );
    for (const refusal of refusals) expect(refusal).toMatchObject({ name: 'ActivationLostError' });
  });

  it('is not thrown away when Redis refuses a write of a worker that is told to stop', async () => {
    const { store, worker } = rig();
    onTestFinished(async () => {
      await redis.client.config('SET', 'maxmemory', '0');
    });
    const stopped = Promise.withResolvers<void>();
    const first = await worker(async (activation) => {
      stopped.resolve(first.stop(20_000));
      await redis.client.config('SET', 'maxmemory', '1');
      try {
        await activation.save(parkedFor(0));
      } finally {
        // As after a failover: refused for a moment, and there again.
        await redis.client.config('SET', 'maxmemory', '0');
      }
      return { type: 'parked' };
    });
    await store.add('run-1', someData(now()));
    await stopped.promise;
    await worker(async (activation) => {
      await activation.commit(ended(), anOutcome());
      return { type: 'ended', result: null };
    });
    const record = await eventually(
      'its end',
      () => store.get('run-1'),
      (seen) => seen?.outcome !== null,
    );
    expect(record?.outcome).toEqual(anOutcome());
  });

  it('ends visibly when a step fails for a reason that nobody has thought of, and is told of by its next one', async () => {
    const { store, worker, keys } = rig();
    const told: string[] = [];
    await worker(async ({ state }) => {
      if (state.phase !== 'ended') throw new TypeError('A defect.');
      told.push(state.status);
      return { type: 'ended', result: 'settled' };
    });
    await store.add('run-1', someData(now()));
    await eventually(
      'its job to be over',
      () => redis.client.zscore(keys.finished('completed'), 'run-1'),
      (score) => score !== null,
      { withinMs: 10_000 },
    );
    expect(told).toEqual(['failed']);
    const record = await store.get('run-1');
    expect(record?.outcome).toMatchObject({ error: { message: expect.stringContaining('A defect.') } });
  });

  it('that cannot even be told of fails its job, and is not tried for ever', async () => {
    const { store, worker, keys } = rig();
    let steps = 0;
    await worker(() => {
      steps += 1;
      return Promise.reject(new TypeError('A defect.'));
    });
    await store.add('run-1', someData({ ...now(), lane: 'one' }));
    await eventually(
      'its job to have failed',
      () => redis.client.zscore(keys.finished('failed'), 'run-1'),
      (score) => score !== null,
      { withinMs: 10_000 },
    );
    expect(steps).toBe(2);
    expect((await store.get('run-1'))?.outcome).toMatchObject({ status: 'failed' });
    expect(await redis.client.keys(keys.lane('*'))).toEqual([]);
  });
});

it('says nothing of what is cut off when it stops', async () => {
  const { worker, telemetry } = rig();
  const running = await worker(() => Promise.resolve({ type: 'parked' }));
  const cutOff = new Error('Connection is closed.');
  running.worker.emit('error', cutOff);
  expect(telemetry.logged('error')).toHaveLength(1);
  await running.stop(5000);
  running.worker.emit('error', cutOff);
  expect(telemetry.logged('error')).toHaveLength(1);
});

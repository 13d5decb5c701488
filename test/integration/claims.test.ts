/** How a worker takes jobs from a Redis that is far away. */

import { Queue } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
import { runKeys, runsQueue } from '../../src/adapters/bullmq/keys.ts';
import { BullmqRunStore } from '../../src/adapters/bullmq/run-store.ts';
import { RunsWorker } from '../../src/adapters/bullmq/runs-worker.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { eventually } from '../support/eventually.ts';
import { anOutcome, ended, someData } from '../support/fakes/builders.ts';
import { RecordingTelemetry } from '../support/fakes/telemetry.ts';
import { opened } from '../support/redis-ports.ts';
import { useRedis } from '../support/redis.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';

const redis = useRedis();
const runs = 40;

it('starts each run before it takes the next one: none waits here without a lock that is renewed', async () => {
  const prefix = redis.prefix();
  const wire = await TcpProxy.to(redis.port);
  const [near, far] = [opened(redis.url), opened(wire.redisUrl)];
  const queue = new Queue(runsQueue, { connection: near, prefix });
  queue.on('error', () => {});
  const store = new BullmqRunStore({ queue, client: near, prefix, defaultDeadlineSeconds: 600 });
  const accepted_at = new Date().toISOString();
  await store.addMany(
    Array.from({ length: runs }, (_, n) => ({ id: `run-${n}`, data: someData({ accepted_at }) })),
  );
  const taken: number[] = [];
  const worker = new RunsWorker({
    client: far,
    prefix,
    concurrency: runs,
    defaultDeadlineSeconds: 600,
    clock: systemClock,
    telemetry: new RecordingTelemetry(),
    step: async (activation) => {
      taken.push(await redis.client.llen(`${prefix}:${runsQueue}:active`));
      await activation.commit({ ...ended(), providerRunId: `resp_${activation.spec.id}` }, anOutcome());
      return { type: 'ended', result: null };
    },
  });
  onTestFinished(async () => {
    wire.lagMs = 0;
    await worker.stop(5000);
    await queue.close();
    for (const client of [near, far]) client.disconnect();
    await wire[Symbol.asyncDispose]();
  });
  wire.lagMs = 20;
  await worker.start();
  await eventually(
    'all to have ended',
    () => redis.client.zcard(runKeys(prefix).finished('completed')),
    (count) => count === runs,
  );
  expect(taken).toHaveLength(runs);
  // Nearly all of them, if it took what there is before it starts anything.
  expect(taken[0]).toBeLessThan(runs / 2);
});

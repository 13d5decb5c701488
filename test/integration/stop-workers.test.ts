/** A worker of any queue that is told to stop with work in hand, while Redis is away or says nothing. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { expect, it, onTestFinished } from 'vitest';
import { RunsWorker } from '../../src/adapters/bullmq/runs-worker.ts';
import { CallbacksWorker } from '../../src/adapters/callbacks/worker.ts';
import { HttpToolsWorker } from '../../src/adapters/tools/http-worker.ts';
import { ToolsWorker } from '../../src/adapters/tools/tools-worker.ts';
import type { RedisClient } from '../../src/adapters/redis-sdk/client.ts';
import { systemClock, systemRandomness } from '../../src/runtime/clock.ts';
import { someData } from '../support/fakes/builders.ts';
import { RecordingTelemetry } from '../support/fakes/telemetry.ts';
import { opened } from '../support/redis-ports.ts';
import { describeOnRealRedis } from '../support/redis.ts';
import { RealRedis } from '../support/redis-server.ts';

interface Rig {
  readonly client: RedisClient;
  readonly subscriber: RedisClient;
  readonly prefix: string;
  readonly concurrency: number;
  readonly clock: typeof systemClock;
  readonly telemetry: RecordingTelemetry;
}

/** Takes a job up, and tells when; never done with it. */
interface Stuck {
  readonly queue: string;
  readonly data: object;
  readonly open: (rig: Rig, taken: () => void) => { start(): Promise<void>; stop(ms: number): Promise<void> };
}

const toolJob = { v: 1, run_id: 'run-1', round: 1, tool_call_id: 'call_1', name: 'wait', arguments: '{}' };
const never = new Promise<never>(() => {});
const noPost = (taken: () => void) => ({
  post: () => {
    taken();
    return never;
  },
  close: () => {},
});

const workers: Readonly<Record<string, Stuck>> = {
  runs: {
    queue: 'runs',
    data: someData(),
    open: (rig, taken) =>
      new RunsWorker({
        ...rig,
        defaultDeadlineSeconds: 600,
        step: () => {
          taken();
          return never;
        },
      }),
  },
  callbacks: {
    queue: 'callbacks',
    data: { v: 1, run_id: 'run-1', url: 'https://example.com/', type: 'run.completed' },
    open: (rig, taken) =>
      new CallbacksWorker({ ...rig, post: noPost(taken), signingKeys: [], randomness: systemRandomness }),
  },
  tools: {
    queue: 'tools',
    data: toolJob,
    open: (rig, taken) => {
      const wait = {
        handler: () => {
          taken();
          return never;
        },
      };
      return new ToolsWorker({ ...rig, tools: new Map([['wait', wait]]), maxOutputBytes: 1000 });
    },
  },
  'tools-http': {
    queue: 'tools-http',
    data: { ...toolJob, url: 'https://example.com/' },
    open: (rig, taken) =>
      new HttpToolsWorker({
        ...rig,
        post: noPost(taken),
        signingKeys: [],
        maxOutputBytes: 1000,
        timeoutMs: 60_000,
        onAnswer: () => never,
      }),
  },
};

describeOnRealRedis('a worker that is told to stop', () => {
  it.each(
    Object.entries(workers).flatMap(([name, stuck]) =>
      ['away', 'frozen'].map((fault) => ({ name, fault, stuck })),
    ),
  )('$name: ends in time while Redis is $fault', async ({ fault, stuck }) => {
    await using server = await RealRedis.start();
    const prefix = '{stop}';
    const [client, subscriber] = [opened(server.url), opened(server.url)];
    onTestFinished(() => {
      client.disconnect();
      subscriber.disconnect();
    });
    const queue = new Queue(stuck.queue, { connection: client, prefix });
    queue.on('error', () => {});
    await client.set(`${prefix}:callback-body:job-1`, '{}');
    await queue.add('wait', stuck.data, { jobId: 'job-1' });
    const taken = Promise.withResolvers<void>();
    const telemetry = new RecordingTelemetry();
    const rig = { client, subscriber, prefix, concurrency: 2, clock: systemClock, telemetry };
    const worker = stuck.open(rig, taken.resolve);
    await worker.start();
    await taken.promise;
    if (fault === 'away') await server.kill();
    else server.freeze();
    // What it would otherwise take is until Redis is back.
    const stopped = await Promise.race([worker.stop(1000).then(() => 'stopped'), sleep(15_000, 'late')]);
    expect(stopped).toBe('stopped');
    expect(telemetry.logged('warn')).toMatchObject([{ message: expect.stringContaining('left to') }]);
  });
});

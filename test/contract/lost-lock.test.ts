/** Which of the errors that BullMQ really throws say that a job is another worker's. */

import { type Job, Queue, type Worker } from 'bullmq';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isLostLock } from '../../src/adapters/redis-sdk/lost-lock.ts';
import { openWorker, startWorker } from '../../src/adapters/redis-sdk/open-worker.ts';
import { eventually } from '../support/eventually.ts';
import { RecordingTelemetry } from '../support/fakes/telemetry.ts';
import { opened } from '../support/redis-ports.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();

interface InHand {
  readonly worker: Worker;
  readonly telemetry: RecordingTelemetry;
  readonly job: Job;
  /** What BullMQ says when the job is to be put back, or completed. */
  readonly putBack: () => Promise<unknown>;
  readonly complete: () => Promise<unknown>;
  readonly key: (suffix?: string) => string;
}

/** A job that a worker has in hand, until the end of the test. */
async function inHand(): Promise<InHand> {
  const prefix = redis.prefix();
  const client = opened(redis.url);
  const queue = new Queue('jobs', { connection: client, prefix });
  const taken = Promise.withResolvers<Job>();
  const ended = Promise.withResolvers<void>();
  const telemetry = new RecordingTelemetry();
  const settings = { queue: 'jobs', what: 'job', client, prefix, concurrency: 1, telemetry };
  const worker = openWorker({ ...settings, lockDurationMs: 400 }, async (job) => {
    taken.resolve(job);
    await ended.promise;
  });
  onTestFinished(async () => {
    ended.resolve();
    await worker.close();
    await queue.close();
    client.disconnect();
  });
  await startWorker(worker);
  await queue.add('job', {});
  const job = await taken.promise;
  const [id, token] = [job.id ?? '', job.token ?? ''];
  return {
    worker,
    telemetry,
    job,
    putBack: () => worker.getBackend().moveToDelayed(id, Date.now(), 1000, token).catch(itself),
    // Not by the worker, which would try it again until it is taken.
    complete: async () => await (await queue.getJob(id))?.moveToCompleted('done', token, false).catch(itself),
    key: (suffix = '') => `${prefix}:jobs:${id}${suffix}`,
  };
}

const itself = (error: unknown): unknown => error;

describe('lost', () => {
  it('is a job whose lock has expired', async () => {
    const { putBack, key } = await inHand();
    await redis.client.del(key(':lock'));
    expect(await putBack()).toMatchObject({ message: expect.stringContaining('Missing lock') });
    expect(isLostLock(await putBack())).toBe(true);
  });

  it('is a job that another worker has', async () => {
    const { complete, key } = await inHand();
    await redis.client.set(key(':lock'), 'of another');
    expect(await complete()).toMatchObject({ message: expect.stringContaining('Lock mismatch') });
    expect(isLostLock(await complete())).toBe(true);
  });

  it('is a job that is gone', async () => {
    const { putBack, key } = await inHand();
    await redis.client.del(key(), key(':lock'));
    expect(await putBack()).toMatchObject({ message: expect.stringContaining('Missing key') });
    expect(isLostLock(await putBack())).toBe(true);
  });

  it('is a job that was put back meanwhile', async () => {
    const { job, putBack, complete, key } = await inHand();
    await putBack();
    await redis.client.set(key(':lock'), job.token ?? '');
    expect(await complete()).toMatchObject({
      message: expect.stringContaining('is not in the active state'),
    });
    expect(isLostLock(await complete())).toBe(true);
  });

  it('is a job whose lock could not be renewed, and no error of the worker', async () => {
    const { telemetry, key } = await inHand();
    await redis.client.set(key(':lock'), 'of another');
    await eventually(
      'the line in the log',
      () => telemetry.logged('info'),
      (lines) => lines.length > 0,
    );
    expect(telemetry.logs[0]).toMatchObject({
      message: 'A lock was lost; another worker has the job',
      fields: { error: { message: expect.stringContaining('could not renew lock') } },
    });
    expect(telemetry.logged('error')).toEqual([]);
  });
});

describe('not lost', () => {
  it('is a job that Redis cannot move, whatever Redis says of blocks and locks', async () => {
    const { putBack, key, telemetry, worker } = await inHand();
    await redis.client.set(key().replace(/[^:]+$/, 'delayed'), 'no sorted set of blocked jobs');
    const error = await putBack();
    expect(error).toMatchObject({ message: expect.stringContaining('WRONGTYPE') });
    expect(isLostLock(error)).toBe(false);
    worker.emit('error', new Error('OOM: the clock of the lock'));
    expect(telemetry.logged('error')).toMatchObject([
      { message: 'The worker of the queue "jobs" reported an error' },
    ]);
    await redis.client.del(key().replace(/[^:]+$/, 'delayed'));
  });

  it('is a job that waits for others', async () => {
    const { complete, key } = await inHand();
    await redis.client.sadd(key(':dependencies'), `${key()}0`);
    const error = await complete();
    expect(error).toMatchObject({ message: expect.stringContaining('pending dependencies') });
    expect(isLostLock(error)).toBe(false);
    await redis.client.del(key(':dependencies'));
  });

  it('is what is no error of BullMQ', () => {
    expect(isLostLock(new Error('Connection is closed.'))).toBe(false);
    expect(isLostLock(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))).toBe(false);
    expect(isLostLock('could not renew lock for job 1')).toBe(false);
  });
});

import { type BackoffStrategy, type Processor, Worker } from 'bullmq';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { RedisClient } from './client.ts';
import { isLostLock } from './lost-lock.ts';
import { redisRetryMs, reportError, steady } from './steady-worker.ts';

export interface WorkerSettings {
  readonly queue: string;
  /** What a job of the queue is, in log lines. */
  readonly what: string;
  /** Used for everything but the blocking wait, which BullMQ opens a connection of its own for. */
  readonly client: RedisClient;
  readonly prefix: string;
  /** Jobs at a time in this process. */
  readonly concurrency: number;
  /** How long a worker may be silent before others take its jobs up; default 5000. */
  readonly lockDurationMs?: number | undefined;
  readonly telemetry: Telemetry;
  /** For jobs that are tried again by it. */
  readonly backoffStrategy?: BackoffStrategy;
  /** Hears of every error but those of lost locks. */
  readonly onTrouble?: () => void;
}

/** A dead worker's jobs are taken up after the lock's time and two checks: 9 s at most. */
export const defaultLockDurationMs = 5000;
const stalledIntervalMs = 2000;
/** BullMQ's default of 2 comes too late where a trip to Redis takes a second. */
const renewalsALock = 5;
/** When a worker that held the timer of the next delayed job dies, another takes it over within this time. */
const drainDelaySeconds = 1;
/** What ioredis says of commands that it will not send, or whose answer it will not hear. */
const connectionClosed = 'Connection is closed.';
/** BullMQ never resets its counter in a job's life, and a worker that dies is no fault of its jobs. */
const maxStalledCount = 1_000_000_000;

/** A worker as all of the fleet are: takes nothing before `startWorker`, logs its errors. See `steady`. */
export function openWorker(settings: WorkerSettings, process: Processor): Worker {
  const { queue, what, client, prefix, concurrency, telemetry, backoffStrategy } = settings;
  const lockDurationMs = settings.lockDurationMs ?? defaultLockDurationMs;
  const worker = new Worker(queue, process, {
    connection: client,
    prefix,
    concurrency,
    lockDuration: lockDurationMs,
    lockRenewTime: lockDurationMs / renewalsALock,
    stalledInterval: stalledIntervalMs,
    drainDelay: drainDelaySeconds,
    runRetryDelay: redisRetryMs,
    maxStalledCount,
    autorun: false,
    ...(backoffStrategy === undefined ? {} : { settings: { backoffStrategy } }),
  });
  worker.on('error', (error) => {
    if (isLostLock(error)) {
      telemetry.log('info', `A lock was lost; another worker has the ${what}`, { error });
      return;
    }
    // BullMQ does not wait for its own checks: what was on its way is cut off with the connection.
    if (worker.closing !== undefined && error.message === connectionClosed) return;
    settings.onTrouble?.();
    telemetry.log('error', `The worker of the queue "${queue}" reported an error`, { error });
  });
  steady(worker);
  return worker;
}

/** Resolves when the worker takes jobs. */
export async function startWorker(worker: Worker): Promise<void> {
  await worker.waitUntilReady();
  // It settles when the worker is closed; what goes wrong meanwhile comes as `error` events.
  worker.run().catch((error: unknown) => reportError(worker, error));
}

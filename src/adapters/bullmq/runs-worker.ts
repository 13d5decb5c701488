import { DelayedError, type Job, UnrecoverableError, Worker } from 'bullmq';
import * as z from 'zod';
import { ActivationLostError, StoreUnavailableError } from '../../domain/errors.ts';
import { type JobData, jobData } from '../../domain/wire/job-data.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Activation } from '../../ports/run-store.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { BullmqActivation, isLost } from './activation.ts';
import { runKeys, runsQueue } from './keys.ts';

/** What a step came to: `result` becomes the result of the job. */
export type StepResult = { readonly type: 'parked' } | { readonly type: 'ended'; readonly result: unknown };

export interface RunsWorkerOptions {
  /** Used for everything but the blocking wait, which BullMQ opens a connection of its own for. */
  readonly client: RedisClient;
  readonly prefix: string;
  /** Steps at a time in this process; default of the contract 200. */
  readonly concurrency: number;
  readonly defaultDeadlineSeconds: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly step: (activation: Activation) => Promise<StepResult>;
}

/** A dead worker's runs are taken up after the lock's time and two checks: 9 s at most. */
const lockDurationMs = 5000;
const stalledIntervalMs = 2000;
/** When a worker that held the timer of the next delayed job dies, another takes it over within this time. */
const drainDelaySeconds = 1;
const redisRetryMs = 500;

/** Takes run jobs up, one step each. */
export class RunsWorker {
  readonly worker: Worker;
  private readonly options: RunsWorkerOptions;
  private readonly keys: ReturnType<typeof runKeys>;
  private stopping = false;

  constructor(options: RunsWorkerOptions) {
    this.options = options;
    this.keys = runKeys(options.prefix);
    this.worker = new Worker(runsQueue, (job, token) => this.process(job, token ?? ''), {
      connection: options.client,
      prefix: options.prefix,
      concurrency: options.concurrency,
      lockDuration: lockDurationMs,
      stalledInterval: stalledIntervalMs,
      drainDelay: drainDelaySeconds,
      // BullMQ never resets this counter in a job's life, and a stalled activation is no fault of the run.
      maxStalledCount: 1_000_000_000,
      autorun: false,
    });
    this.worker.on('error', (error) => this.noteError(error));
  }

  /** Resolves when the worker takes jobs. */
  async start(): Promise<void> {
    await this.worker.waitUntilReady();
    // It settles when the worker is closed; what goes wrong meanwhile comes as `error` events.
    this.worker.run().catch((error: unknown) => this.noteError(error));
  }

  /** Takes no more jobs, and resolves when the steps in hand are done, or after `deadlineMs`. */
  async stop(deadlineMs: number): Promise<void> {
    this.stopping = true;
    const closed = this.worker.close();
    const timer = Promise.withResolvers<'late'>();
    const handle = setTimeout(timer.resolve, deadlineMs, 'late');
    const first = await Promise.race([closed, timer.promise]);
    clearTimeout(handle);
    // A step hangs. Its lock expires once we are gone, and another worker takes it up; `close(true)` would wait as well.
    if (first === 'late')
      this.options.telemetry.log('warn', 'A step did not finish in time and is left to others');
  }

  private async process(job: Job, token: string): Promise<unknown> {
    const id = job.id ?? '';
    const data = this.dataOf(job);
    const { client, clock, defaultDeadlineSeconds } = this.options;
    const deps = { worker: this.worker, client, keys: this.keys, clock, defaultDeadlineSeconds };
    const activation = new BullmqActivation(deps, job, id, token, data);
    let result: StepResult;
    try {
      // Foreign producers know nothing of our index.
      if (job.progress === 0 && data.accepted_at === undefined) await activation.enlist();
      result = await this.options.step(activation);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.options.telemetry.log('warn', 'A step was interrupted by Redis and is put back', {
        runId: id,
        error,
      });
      await this.putBack(id, token);
      throw new DelayedError();
    }
    if (result.type === 'parked') throw new DelayedError();
    return result.result;
  }

  private dataOf(job: Job): JobData {
    // After the first step it is known to fit, and a schema costs more than the step around it.
    const trusted: JobData = job.data;
    if (typeof job.progress === 'object') return trusted;
    const parsed = jobData.safeParse(job.data);
    if (parsed.success) return parsed.data;
    throw new UnrecoverableError(
      `The job's data does not fit schemas/runs.schema.json: ${z.prettifyError(parsed.error)}`,
    );
  }

  /** Leaves the slot with the state as it was last written; waits for Redis, since a job thrown away now is lost. */
  private async putBack(id: string, token: string): Promise<void> {
    while (!this.stopping) {
      try {
        const nowMs = this.options.clock.nowMs();
        await this.worker.getBackend().moveToDelayed(id, nowMs, 1000, token, { skipAttempt: true });
        return;
      } catch (error) {
        if (isLost(error)) throw new ActivationLostError(`The lock of run ${id} was lost.`, { cause: error });
        await new Promise((resolve) => setTimeout(resolve, redisRetryMs));
      }
    }
    throw new ActivationLostError(`Run ${id} is left to another worker: this one is stopping.`);
  }

  private noteError(error: unknown): void {
    if (isLost(error)) {
      this.options.telemetry.log('info', 'A lock was lost; another worker has the run', { error });
      return;
    }
    this.options.telemetry.log('error', 'The worker of the queue "runs" reported an error', { error });
  }
}

import { DelayedError, type Job, UnrecoverableError, type Worker } from 'bullmq';
import * as z from 'zod';
import { ActivationLostError, StoreUnavailableError } from '../../domain/errors.ts';
import { type JobData, jobData } from '../../domain/wire/job-data.ts';
import { endedState } from '../../domain/decision.ts';
import { internalOutcome } from '../../domain/outcome.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Activation } from '../../ports/run-store.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { closeWithin } from '../redis-sdk/close-worker.ts';
import { isLostLock } from '../redis-sdk/lost-lock.ts';
import { openWorker, startWorker } from '../redis-sdk/open-worker.ts';
import { BullmqActivation } from './activation.ts';
import { runKeys, runsQueue } from './keys.ts';
import { leaveReply } from './late-replies.ts';
import { Outages } from './outages.ts';
import { isForeignState } from './record.ts';

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
  /** How long a worker may be silent before others take its runs up; default 5000. */
  readonly lockDurationMs?: number;
  readonly step: (activation: Activation) => Promise<StepResult>;
}

/** The fields that have a default: all of them stand in what the API wrote. */
const completeFields = [
  'v',
  'kind',
  'follow',
  'priority',
  'lane',
  'label',
  'on_ambiguous',
  'metadata',
  'owner',
  'account',
] as const;

/** Takes run jobs up, one step each. */
export class RunsWorker {
  readonly worker: Worker;
  private readonly options: RunsWorkerOptions;
  private readonly keys: ReturnType<typeof runKeys>;
  private readonly outages: Outages;

  constructor(options: RunsWorkerOptions) {
    this.options = options;
    this.keys = runKeys(options.prefix);
    const { client, clock, telemetry } = options;
    this.outages = new Outages({
      clock,
      telemetry,
      leave: (id, reply) => leaveReply(client, this.keys, this.worker, id, reply),
    });
    // A first connection is no outage.
    client.on('close', () => {
      this.outages.note();
      client.once('ready', () => this.outages.note());
    });
    this.worker = openWorker(
      { ...options, queue: runsQueue, what: 'run', onTrouble: () => this.outages.note() },
      (job, token) => this.process(job, token ?? ''),
    );
  }

  /** Resolves when the worker takes jobs. */
  async start(): Promise<void> {
    await startWorker(this.worker);
  }

  /** Takes no more jobs, and resolves when the steps in hand are done, or after `deadlineMs`. */
  async stop(deadlineMs: number): Promise<void> {
    const isClosed = await closeWithin(this.worker, deadlineMs);
    this.outages.giveUp();
    if (!isClosed) this.options.telemetry.log('warn', 'A step did not finish in time and is left to others');
  }

  private async process(job: Job, token: string): Promise<unknown> {
    const id = job.id ?? '';
    if (isForeignState(job.progress)) {
      await this.leaveToOthers(id, token);
      throw new DelayedError();
    }
    const data = await this.dataOf(job, id);
    const { client, clock, defaultDeadlineSeconds } = this.options;
    const persist = <T>(write: () => Promise<T>): Promise<T> => this.outages.persist(id, write);
    const deps = {
      worker: this.worker,
      client,
      keys: this.keys,
      clock,
      defaultDeadlineSeconds,
      sent: this.outages.sent,
      persist,
    };
    const activation = new BullmqActivation(deps, job, id, token, data);
    const holdMs = this.outages.holdMs(activation);
    if (holdMs > 0) {
      await this.putBack(id, token, holdMs);
      throw new DelayedError();
    }
    let result: StepResult;
    try {
      // Foreign producers know nothing of our index, and our API may have died between the index and the job.
      if (job.progress === 0) await activation.enlist();
      result = await this.options.step(activation);
      if (result.type === 'ended') await activation.leaveLane();
    } catch (error) {
      if (!(error instanceof ActivationLostError)) await this.rescue(activation, token, error);
      // BullMQ leaves a job alone that says it is delayed; any other error would move it to the failed ones.
      throw new DelayedError();
    } finally {
      activation.close();
    }
    if (result.type === 'parked') throw new DelayedError();
    return result.result;
  }

  /** Workers of two versions run side by side for a while: those of the newer one go on with it. */
  private async leaveToOthers(runId: string, token: string): Promise<void> {
    this.options.telemetry.log('warn', 'A newer version has worked on this run; it is left to that', {
      runId,
    });
    await this.putBack(runId, token);
  }

  private async rescue(activation: BullmqActivation, token: string, error: unknown): Promise<void> {
    const { telemetry } = this.options;
    const runId = activation.spec.id;
    if (error instanceof StoreUnavailableError) {
      this.outages.note();
      telemetry.log('warn', 'A step was interrupted by Redis and is put back', { runId, error });
    } else await this.endVisibly(activation, error);
    await this.putBack(runId, token);
  }

  /**
   * A defect that the step did not catch itself. The run must not hang open behind a failed job: it ends, and is put
   * back, so that its next activation tells everybody. One that fails even there stays failed.
   */
  private async endVisibly(activation: BullmqActivation, error: unknown): Promise<void> {
    const { clock, telemetry } = this.options;
    const nowMs = clock.nowMs();
    const message = error instanceof Error ? error.message : String(error);
    telemetry.log('error', 'A step failed for a reason of our own', { runId: activation.spec.id, error });
    const outcome = internalOutcome(message, nowMs);
    try {
      if (await activation.commit(endedState(activation.state, outcome, nowMs), outcome)) return;
      await activation.leaveLane();
    } catch (cause) {
      // Put back, it fails again once Redis can take the outcome; lost, it fails on another worker.
      if (cause instanceof StoreUnavailableError || cause instanceof ActivationLostError) return;
      throw cause;
    }
    throw new UnrecoverableError(message);
  }

  private async dataOf(job: Job, id: string): Promise<JobData> {
    const trusted: JobData = job.data;
    // What the API wrote fits and is complete, and a schema costs more than the step around it. A foreign producer may
    // have put anything there, null too, and what it left out is filled in at every step.
    const isComplete = Object(trusted).v === 1 && completeFields.every((field) => field in trusted);
    if (typeof job.progress === 'object' && isComplete) return trusted;
    const parsed = jobData.safeParse(job.data);
    if (parsed.success) return parsed.data;
    // No run ever, but a dead letter: its sender finds it in the list, with the reason.
    const { client } = this.options;
    await client.zadd(this.keys.index, 'NX', job.timestamp, id);
    await client.zadd(this.keys.statusIndex('responses', 'rejected'), 'NX', job.timestamp, id);
    throw new UnrecoverableError(
      `The job's data does not fit schemas/run.schema.json: ${z.prettifyError(parsed.error)}`,
    );
  }

  /** Leaves the slot with the state as it was last written; waits for Redis, since a job thrown away now is lost. */
  private async putBack(id: string, token: string, delayMs = 1000): Promise<void> {
    for (;;) {
      try {
        const nowMs = this.options.clock.nowMs();
        await this.worker.getBackend().moveToDelayed(id, nowMs, delayMs, token, { skipAttempt: true });
        return;
      } catch (error) {
        // Another worker has it, or will have it.
        if (isLostLock(error) || !(await this.outages.sitOut())) return;
      }
    }
  }
}

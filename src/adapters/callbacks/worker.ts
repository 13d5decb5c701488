import { DelayedError, type Job, UnrecoverableError, type Worker } from 'bullmq';
import { HostTurnstile } from '../../domain/callbacks/turnstile.ts';
import { verdictOf, type Verdict } from '../../domain/callbacks/verdict.ts';
import { type CallbackJob, callbackJob } from '../../domain/wire/callback.ts';
import type { Clock, Randomness } from '../../ports/clock.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { GuardedPost, PostAsk, PostResult } from '../outbound-sdk/guarded-post.ts';
import { signWebhook } from '../outbound-sdk/standard-webhooks.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { closeWithin } from '../redis-sdk/close-worker.ts';
import { openWorker, startWorker } from '../redis-sdk/open-worker.ts';
import { reportError } from '../redis-sdk/steady-worker.ts';
import { type CallbackKeys, callbackKeys, callbacksQueue, deliveredBodyLifeSeconds } from './keys.ts';

export interface CallbacksWorkerOptions {
  /** Used for everything but the blocking wait, which BullMQ opens a connection of its own for. */
  readonly client: RedisClient;
  readonly prefix: string;
  /** Calls at a time in this process. */
  readonly concurrency: number;
  readonly post: GuardedPost;
  /** One signature is made with each. */
  readonly signingKeys: readonly Buffer[];
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly telemetry: Telemetry;
  /** Default 15 s, as the standard says. */
  readonly timeoutMs?: number;
  /** How long a worker may be silent before others take its callbacks up; default 5000. */
  readonly lockDurationMs?: number;
}

const defaultTimeoutMs = 15_000;
/** Longer than all tries take: a callback that has still found no place at its host by then is given up. */
const mostAgeMs = 48 * 3_600_000;

/** A try failed, and the next one is due so much later. */
class TryAgainError extends Error {
  override readonly name = 'TryAgainError';
  readonly delayMs: number;

  constructor(reason: string, delayMs: number) {
    super(reason);
    this.delayMs = delayMs;
  }
}

/** Takes callbacks up, one try each. A callback that waits holds no slot. */
export class CallbacksWorker {
  private readonly worker: Worker;
  private readonly options: CallbacksWorkerOptions;
  private readonly keys: CallbackKeys;
  private readonly turnstile: HostTurnstile;

  constructor(options: CallbacksWorkerOptions) {
    this.options = options;
    this.keys = callbackKeys(options.prefix);
    this.turnstile = new HostTurnstile(options.concurrency);
    this.worker = openWorker(
      {
        ...options,
        queue: callbacksQueue,
        what: 'callback',
        backoffStrategy: (tried, _type, error) =>
          error instanceof TryAgainError ? error.delayMs : this.waitAfterDefect(tried),
      },
      (job, token) => this.process(job, token ?? ''),
    );
    // Not before the job is over: a worker that dies in between sends it again, and needs it.
    this.worker.on('completed', (job) => void this.dropBody(job.id ?? ''));
  }

  /** Resolves when the worker takes callbacks. */
  async start(): Promise<void> {
    await startWorker(this.worker);
  }

  /** Takes no more, and resolves when the calls in hand are over, or after `deadlineMs`: others make those again. */
  async stop(deadlineMs: number): Promise<void> {
    if (!(await closeWithin(this.worker, deadlineMs)))
      this.options.telemetry.log('warn', 'A callback was not done in time and is left to others');
  }

  private async process(job: Job, token: string): Promise<{ readonly tries: number }> {
    const parsed = callbackJob.safeParse(job.data);
    if (!parsed.success) throw new UnrecoverableError('The data of this job do not fit a callback.');
    const callback = parsed.data;
    const { clock, randomness } = this.options;
    const host = new URL(callback.url).host;
    const turn = this.turnstile.enter(host, clock.nowMs(), randomness.next());
    if (!turn.admitted) return await this.postpone(job, token, callback, turn.delayMs);
    const tries = job.attemptsMade + 1;
    let result: PostResult;
    try {
      result = await this.call(job.id ?? '', callback);
    } finally {
      turn.leave(clock.nowMs());
    }
    const verdict = verdictOf(result, tries, randomness.next());
    this.report(job.id ?? '', callback, verdict, tries);
    if (verdict.type === 'again') throw new TryAgainError(verdict.reason, verdict.delayMs);
    if (verdict.type === 'dead') throw new UnrecoverableError(verdict.reason);
    await this.shortenBody(job.id ?? '');
    return { tries };
  }

  private async call(id: string, { url }: CallbackJob): Promise<PostResult> {
    const { client, clock, post, signingKeys, timeoutMs = defaultTimeoutMs } = this.options;
    const body = await client.get(this.keys.body(id));
    if (body === null) throw new UnrecoverableError('What was to be sent is not kept any more.');
    const ask: PostAsk = {
      url,
      body,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'runfleet',
        ...signWebhook(signingKeys, { id, atMs: clock.nowMs(), body }),
      },
      timeoutMs,
      maxAnswerBytes: 0,
    };
    const result = await post.post(ask);
    // A kept connection that the other side was just closing says nothing of the endpoint.
    const stale = !result.answered && result.reusedConnection && result.reason === 'connection';
    return stale ? await post.post(ask) : result;
  }

  /** Its host has no place for it now. This is no try. */
  private async postpone(job: Job, token: string, callback: CallbackJob, delayMs: number): Promise<never> {
    const nowMs = this.options.clock.nowMs();
    const sinceMs = callback.redriven_at === undefined ? job.timestamp : Date.parse(callback.redriven_at);
    if (nowMs - sinceMs > mostAgeMs) {
      const reason = 'its host has been too slow to be called in time';
      this.report(job.id ?? '', callback, { type: 'dead', result: 'exhausted', reason }, job.attemptsMade);
      throw new UnrecoverableError(reason);
    }
    const options = { skipAttempt: true };
    await this.worker.getBackend().moveToDelayed(job.id ?? '', nowMs, delayMs, token, options);
    throw new DelayedError();
  }

  private report(id: string, { run_id, url, type }: CallbackJob, verdict: Verdict, tries: number): void {
    const { telemetry } = this.options;
    const fields = { callbackId: id, runId: run_id, type, host: new URL(url).host, tries };
    switch (verdict.type) {
      case 'delivered':
        telemetry.callbackTried('delivered');
        telemetry.log('debug', 'callback delivered', fields);
        break;
      case 'again':
        telemetry.callbackTried('failed');
        telemetry.log('info', 'A callback failed and will be tried again', {
          ...fields,
          reason: verdict.reason,
          delayMs: verdict.delayMs,
        });
        break;
      case 'dead':
        telemetry.callbackTried(verdict.result);
        telemetry.log('warn', 'A callback was given up', { ...fields, reason: verdict.reason });
        break;
      default: {
        const never: never = verdict;
        return never;
      }
    }
  }

  /** Redis or a defect of ours, not the endpoint: the same waits. */
  private waitAfterDefect(tried: number): number {
    const verdict = verdictOf({ answered: false, reason: 'defect', code: 'defect' }, tried, 0.5);
    return verdict.type === 'again' ? verdict.delayMs : 0;
  }

  /** It is delivered: what fails now must not have it sent again. */
  private async shortenBody(id: string): Promise<void> {
    try {
      await this.options.client.expire(this.keys.body(id), deliveredBodyLifeSeconds);
    } catch (error) {
      reportError(this.worker, error);
    }
  }

  private async dropBody(id: string): Promise<void> {
    try {
      await this.options.client.del(this.keys.body(id));
    } catch (error) {
      // It goes by itself later.
      reportError(this.worker, error);
    }
  }
}

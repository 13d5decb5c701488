import { setTimeout as sleep } from 'node:timers/promises';
import { DelayedError, type Job, UnrecoverableError, type Worker } from 'bullmq';
import * as z from 'zod';
import type { TimedAnswer, ToolAnswer } from '../../domain/tools.ts';
import { toolAnswerOf, toolJobData } from '../../domain/wire/tool-job.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { Kept, ToolReturn } from '../../ports/tool-calls.ts';
import type { GuardedPost, PostResult } from '../outbound-sdk/guarded-post.ts';
import { signWebhook } from '../outbound-sdk/standard-webhooks.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { closeWithin } from '../redis-sdk/close-worker.ts';
import { openWorker, startWorker } from '../redis-sdk/open-worker.ts';
import { redisRetryMs, reportError } from '../redis-sdk/steady-worker.ts';
import { failure } from './call-tool.ts';
import { firstRetryMs } from './http-dispatcher.ts';
import { httpToolKeys, type HttpToolKeys, httpToolsQueue } from './keys.ts';
import { Withdrawals } from './withdrawals.ts';

export interface HttpToolsWorkerOptions {
  /** Used for everything but the blocking wait and the withdrawals. */
  readonly client: RedisClient;
  /** For the withdrawals alone. */
  readonly subscriber: RedisClient;
  readonly prefix: string;
  /** Calls at a time in this process. They hold no slot of a run. */
  readonly concurrency: number;
  readonly maxOutputBytes: number;
  readonly timeoutMs: number;
  readonly post: GuardedPost;
  readonly signingKeys: readonly Buffer[];
  /** Takes an answer to its run. */
  readonly onAnswer: (answer: ToolReturn) => Promise<Kept>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** How long a worker may be silent before others take its calls up; default 5000. */
  readonly lockDurationMs?: number;
}

/** Of the time for a stop, so much is for putting back what is given up. */
const putBackMs = 500;

const callData = toolJobData.extend({ url: z.string() });
type Call = z.output<typeof callData>;

/** The other side may ask for more time than the next wait, but not for ever. */
const mostRetryAfterMs = 3_600_000;

/** Nothing came of it, and nothing can have been done: it may be tried again. */
class NotReached extends Error {
  override readonly name = 'NotReached';
  readonly answer: ToolAnswer;
  /** How long the other side asks to be left alone. */
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs = 0) {
    super(message);
    this.answer = failure('unreachable', message);
    this.retryAfterMs = Math.min(retryAfterMs, mostRetryAfterMs);
  }
}

/** Answers tool calls by a signed POST to the URL that the run names. */
export class HttpToolsWorker {
  readonly worker: Worker;
  private readonly options: HttpToolsWorkerOptions;
  private readonly keys: HttpToolKeys;
  private readonly withdrawals: Withdrawals;
  private readonly leaving = new AbortController();

  constructor(options: HttpToolsWorkerOptions) {
    this.options = options;
    this.keys = httpToolKeys(options.prefix);
    this.withdrawals = new Withdrawals(options.client, options.subscriber, this.keys);
    this.worker = openWorker({ ...options, queue: httpToolsQueue, what: 'tool call' }, (job, token) =>
      this.process(job, token ?? ''),
    );
  }

  /** Resolves when the worker takes calls. */
  async start(): Promise<void> {
    await this.withdrawals.start();
    await startWorker(this.worker);
  }

  /** Takes no more calls, and resolves when those under way are answered, or within `deadlineMs`: others make those again. */
  async stop(deadlineMs: number): Promise<void> {
    const inTime = await closeWithin(this.worker, Math.max(0, deadlineMs - putBackMs));
    this.leaving.abort();
    if (inTime || (await closeWithin(this.worker, putBackMs))) return;
    this.options.telemetry.log('warn', 'Tool calls could not be put back in time and are left to others');
  }

  private async process(job: Job, token: string): Promise<void> {
    const id = job.id ?? '';
    const call = this.dataOf(job);
    if ((await this.options.client.hexists(this.keys.job(id), 'withdrawn')) === 1) return discard(job);
    const startedAtMs = this.options.clock.nowMs();
    const stop = new AbortController();
    this.withdrawals.listen(id, () => stop.abort());
    let answer: ToolAnswer;
    try {
      answer = await this.ask(id, call, AbortSignal.any([stop.signal, this.leaving.signal]));
    } catch (error) {
      if (!(error instanceof NotReached)) throw error;
      const last = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
      if (!last && !this.leaving.signal.aborted) {
        if (error.retryAfterMs <= firstRetryMs * 2 ** job.attemptsMade) throw error;
        return await this.putBack(id, token, error.retryAfterMs, { isTry: true });
      }
      answer = error.answer;
    } finally {
      this.withdrawals.forget(id);
    }
    if (stop.signal.aborted) return discard(job);
    if (this.leaving.signal.aborted) return await this.putBack(id, token, 0, { isTry: false });
    await this.keep(call, { answer, startedAtMs, endedAtMs: this.options.clock.nowMs() });
  }

  private async ask(id: string, { url, ...call }: Call, signal: AbortSignal): Promise<ToolAnswer> {
    const { clock, post, signingKeys, maxOutputBytes } = this.options;
    const atMs = clock.nowMs();
    const leftMs = call.deadline_at === null ? Infinity : Date.parse(call.deadline_at) - atMs;
    if (leftMs <= 0)
      return failure('deadline_exceeded', 'The run’s time was over before the tool was called.');
    const body = JSON.stringify(call);
    const message = { id: id.replaceAll('.', '_'), atMs, body };
    const headers = { ...signWebhook(signingKeys, message), 'content-type': 'application/json' };
    const timeoutMs = Math.min(this.options.timeoutMs, leftMs);
    const result = await post.post({ url, body, headers, timeoutMs, maxAnswerBytes: maxOutputBytes, signal });
    return answerOf(result, maxOutputBytes);
  }

  /** For later, or for another worker. */
  private async putBack(
    id: string,
    token: string,
    delayMs: number,
    { isTry }: { readonly isTry: boolean },
  ): Promise<never> {
    const nowMs = this.options.clock.nowMs();
    await this.worker.getBackend().moveToDelayed(id, nowMs, delayMs, token, { skipAttempt: !isTry });
    throw new DelayedError();
  }

  /** Until it is written: what was done once must not be done again. */
  private async keep(call: Call, timed: TimedAnswer): Promise<void> {
    const ref = { runId: call.run_id, round: call.round, toolCallId: call.tool_call_id };
    for (;;) {
      try {
        await this.options.onAnswer({ ...ref, ...timed });
        return;
      } catch (error) {
        if (this.leaving.signal.aborted) throw error;
        reportError(this.worker, error);
        await sleep(redisRetryMs);
      }
    }
  }

  private dataOf(job: Job): Call {
    const parsed = callData.safeParse(job.data);
    if (parsed.success) return parsed.data;
    throw new UnrecoverableError(
      `The job's data is not that of a tool call: ${z.prettifyError(parsed.error)}`,
    );
  }
}

/** Nobody waits for it. */
function discard(job: Job): void {
  job.opts.removeOnComplete = true;
}

/** Throws `NotReached` where the call may be made again. */
function answerOf(result: PostResult, maxOutputBytes: number): ToolAnswer {
  if (!result.answered) {
    const { reason, message, sent, reusedConnection } = result;
    if (reason === 'invalid_url' || reason === 'blocked') return failure('unreachable', message);
    if (reason === 'timeout' && sent) return failure('tool_timeout', message);
    // Whether the other side has done it is not known: its tool_call_id would tell it, but it need not look at that.
    if (sent && !reusedConnection) return failure('tool_failed', message);
    throw new NotReached(message);
  }
  const { status, retryAfterMs } = result;
  // "Not now", by their definition: nothing was done.
  if (status === 429 || status === 503)
    throw new NotReached(`The tool’s server answered ${status}.`, retryAfterMs ?? 0);
  if (status < 200 || status > 299) return failure('tool_failed', `The tool’s server answered ${status}.`);
  if (result.truncated)
    return failure(
      'output_too_large',
      `The tool’s answer has more than the ${maxOutputBytes} bytes allowed.`,
    );
  const text = result.body.toString('utf8');
  if (!/\bjson\b/i.test(result.contentType ?? '')) return { output: text };
  try {
    return toolAnswerOf(JSON.parse(text));
  } catch {
    return failure('invalid_answer', 'The tool’s server answered with broken JSON.');
  }
}

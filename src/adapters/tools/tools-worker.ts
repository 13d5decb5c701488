import { Buffer } from 'node:buffer';
import { setTimeout as sleep } from 'node:timers/promises';
import { DelayedError, type Job, UnrecoverableError, type Worker } from 'bullmq';
import * as z from 'zod';
import type { TimedAnswer, ToolAnswer } from '../../domain/tools.ts';
import { type ToolJobData, toolJobData } from '../../domain/wire/tool-job.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { closeWithin } from '../redis-sdk/close-worker.ts';
import { defaultLockDurationMs, openWorker, startWorker } from '../redis-sdk/open-worker.ts';
import { redisRetryMs, reportError } from '../redis-sdk/steady-worker.ts';
import { callTool, failure, ToolAborted } from './call-tool.ts';
import { type ToolKeys, toolKeys, toolsQueue } from './keys.ts';
import { Presence } from './presence.ts';
import { parseAnswer } from './returns.ts';
import { claimCall, keepAnswer } from './scripts.ts';
import type { ToolSet } from './tool.ts';
import { Withdrawals } from './withdrawals.ts';

export interface ToolsWorkerOptions {
  /** Used for everything but the blocking wait and the withdrawals. */
  readonly client: RedisClient;
  /** For the withdrawals alone. */
  readonly subscriber: RedisClient;
  readonly prefix: string;
  /** For a connection of the thread that speaks for a blocked event loop; absent: nobody does. */
  readonly redisUrl?: string;
  readonly tools: ToolSet;
  /** Calls at a time in this process; default of the contract 50. */
  readonly concurrency: number;
  readonly maxOutputBytes: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** How long a worker may be silent before others take its calls up; default 5000. */
  readonly lockDurationMs?: number;
}

/** How soon a call is looked at again that another worker may have in hand, or that is for another one. */
const heldPollMs = 2000;
const firstPassMs = 50;
const longestPassMs = 1000;
/** Longer answers stand beside the job alone: every event of BullMQ's carries the result. */
const longestResultBytes = 4096;

const mostClaims = 3;

/** What became of a claim, as its script says it. */
const claim = z
  .tuple([z.enum(['run', 'answered', 'withdrawn', 'held', 'gone'])])
  .rest(z.union([z.string(), z.number()]));
const kept = z.tuple([z.enum(['kept', 'known', 'gone'])]).rest(z.string());

/** Serves tool calls with a module of functions. */
export class ToolsWorker {
  readonly worker: Worker;
  private readonly options: ToolsWorkerOptions;
  private readonly keys: ToolKeys;
  private readonly presence: Presence;
  private readonly withdrawals: Withdrawals;
  /** Calls whose handlers run here, also those whose lock was lost meanwhile. */
  private readonly running = new Map<string, Promise<TimedAnswer>>();
  private readonly leaving = new AbortController();

  constructor(options: ToolsWorkerOptions) {
    this.options = options;
    this.keys = toolKeys(options.prefix);
    this.presence = new Presence({
      client: options.client,
      keys: this.keys,
      tools: options.tools,
      aliveMs: (options.lockDurationMs ?? defaultLockDurationMs) + 1000,
      redisUrl: options.redisUrl,
    });
    this.withdrawals = new Withdrawals(options.client, options.subscriber, this.keys);
    this.worker = openWorker({ ...options, queue: toolsQueue, what: 'tool call' }, (job, token) =>
      this.process(job, token ?? ''),
    );
  }

  /** Resolves when the worker takes calls. */
  async start(): Promise<void> {
    await this.withdrawals.start();
    await this.presence.start();
    await startWorker(this.worker);
  }

  /** Takes no more calls, and resolves when the handlers are done, or after `deadlineMs`: others run those again. */
  async stop(deadlineMs: number): Promise<void> {
    const inTime = await closeWithin(this.worker, deadlineMs);
    this.leaving.abort(new ToolAborted('shutdown', 'The worker is being stopped.'));
    if (!inTime) {
      const tools = this.running.size;
      this.options.telemetry.log('warn', 'Tools did not answer in time and are left to other workers', {
        tools,
      });
    }
    await this.presence.stop();
  }

  private async process(job: Job, token: string): Promise<unknown> {
    const id = job.id ?? '';
    const call = this.dataOf(job);
    await this.passOnUnknown(job, call, token);
    const [what, more] = await this.claim(id);
    switch (what) {
      case 'run':
        return await this.serve(job, id, call);
      case 'answered':
        return resultOf(parseAnswer(String(more)).answer);
      case 'withdrawn':
        return withdrawn(job);
      case 'held':
        return await this.putBack(job, token, Math.min(heldPollMs, Number(more) + 1));
      case 'gone':
        throw new DelayedError();
      default: {
        const never: never = what;
        return never;
      }
    }
  }

  /** What is heard late may be over: a process that stood still since it asked has lost the call to others meanwhile. */
  private async claim(id: string): Promise<z.infer<typeof claim>> {
    for (let left = mostClaims; ; left -= 1) {
      const askedAtMs = performance.now();
      const reply = claim.parse(
        await claimCall.run(
          this.options.client,
          [this.keys.job(id), this.keys.workers],
          [this.presence.id, this.presence.settled ? '1' : '0'],
        ),
      );
      // A slow Redis is late each time, and nothing is lost by it.
      if (performance.now() - askedAtMs < this.presence.surelyAliveMs || left === 1) return reply;
    }
  }

  private async serve(job: Job, id: string, call: ToolJobData): Promise<unknown> {
    // The lock was lost for a while, and given to this very process again: its handler still runs, or is about to.
    const running = this.running.get(id) ?? this.call(id, call);
    this.running.set(id, running);
    try {
      const { answer } = await running;
      const code = 'error' in answer ? answer.error.code : null;
      return code === 'withdrawn' ? withdrawn(job) : resultOf(answer);
    } finally {
      this.running.delete(id);
    }
  }

  private async call(id: string, call: ToolJobData): Promise<TimedAnswer> {
    const { clock, maxOutputBytes, tools } = this.options;
    const startedAtMs = clock.nowMs();
    const stop = new AbortController();
    const reason = new ToolAborted('withdrawn', 'The run does not wait for this call any more.');
    this.withdrawals.listen(id, () => stop.abort(reason));
    try {
      const tool = tools.get(call.name);
      const deadlineInMs = call.deadline_at === null ? null : Date.parse(call.deadline_at) - startedAtMs;
      const answer =
        tool === undefined
          ? failure('unknown_tool', `There is no tool of the name ${call.name}.`)
          : await callTool(
              tool,
              { runId: call.run_id, toolCallId: call.tool_call_id, arguments: call.arguments },
              { deadlineInMs, maxOutputBytes },
              AbortSignal.any([stop.signal, this.leaving.signal]),
            );
      const endedAtMs = clock.nowMs();
      // Left unanswered, and in BullMQ's hands as if this worker had died.
      if (this.leaving.signal.aborted && isShutdown(answer)) throw new DelayedError();
      return await this.keep(id, { answer, startedAtMs, endedAtMs });
    } finally {
      this.withdrawals.forget(id);
    }
  }

  /** Before anything else, and until it is written: what was done once must not be done again. */
  private async keep(id: string, timed: TimedAnswer): Promise<TimedAnswer> {
    const text = JSON.stringify(timed);
    for (;;) {
      try {
        const [what, stands] = kept.parse(
          await keepAnswer.run(this.options.client, [this.keys.job(id)], [text]),
        );
        return what === 'known' && stands !== undefined ? parseAnswer(stands) : timed;
      } catch (error) {
        if (this.leaving.signal.aborted) throw error;
        reportError(this.worker, error);
        await sleep(redisRetryMs);
      }
    }
  }

  /** Workers of several languages share the queue, and BullMQ gives any of them any call. */
  private async passOnUnknown(job: Job, call: ToolJobData, token: string): Promise<void> {
    if (this.options.tools.has(call.name)) return;
    if (!(await this.presence.servedByOthers(call.name))) return;
    const delayMs = firstPassMs * 2 ** Math.min(job.attemptsStarted, 8);
    await this.putBack(job, token, Math.min(longestPassMs, delayMs));
  }

  private async putBack(job: Job, token: string, delayMs: number): Promise<never> {
    await job.moveToDelayed(this.options.clock.nowMs() + delayMs, token);
    throw new DelayedError();
  }

  private dataOf(job: Job): ToolJobData {
    const parsed = toolJobData.safeParse(job.data);
    if (parsed.success) return parsed.data;
    throw new UnrecoverableError(
      `The job's data does not fit schemas/tool-job.schema.json: ${z.prettifyError(parsed.error)}`,
    );
  }
}

function isShutdown(answer: ToolAnswer): boolean {
  return 'error' in answer && answer.error.code === 'shutdown';
}

/** Nobody will ask for it: it goes as it ends. */
function withdrawn(job: Job): ToolAnswer {
  job.opts.removeOnComplete = true;
  return failure('withdrawn', 'The run does not wait for this call any more.');
}

function resultOf(answer: ToolAnswer): ToolAnswer | { readonly kept: true } {
  const isLong = 'output' in answer && Buffer.byteLength(answer.output) > longestResultBytes;
  return isLong ? { kept: true } : answer;
}

import type { Queue } from 'bullmq';
import type { ToolCallRef } from '../../domain/tools.ts';
import type { ToolCallJob, ToolDispatcher, ToolReturn } from '../../ports/tool-calls.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { dataOf, keepFinishedSeconds, keptOutMs, priorityOf } from './dispatcher.ts';
import { httpToolKeys, type HttpToolKeys, toolJobId } from './keys.ts';
import { flagWithdrawn, keepOut } from './scripts.ts';

export interface HttpToolDispatcherOptions {
  readonly queue: Queue;
  /** The connection that `queue` uses, or one like it. */
  readonly client: RedisClient;
  readonly prefix: string;
}

/** As often as nothing of a call reached the other side: over some minutes. */
const tries = 8;
const firstRetryMs = 1000;

/** Tool calls that a URL answers, as jobs of the queue `tools-http`; see `HttpToolsWorker`. */
export class HttpToolDispatcher implements ToolDispatcher {
  private readonly options: HttpToolDispatcherOptions;
  private readonly keys: HttpToolKeys;

  constructor(options: HttpToolDispatcherOptions) {
    this.options = options;
    this.keys = httpToolKeys(options.prefix);
  }

  async dispatch(calls: readonly ToolCallJob[]): Promise<void> {
    if (calls.length === 0) return;
    const kept = { age: keepFinishedSeconds };
    const jobs = calls.map((call) => ({
      name: call.name,
      data: { ...dataOf(call), url: call.url },
      opts: {
        jobId: toolJobId(call),
        attempts: tries,
        backoff: { type: 'exponential', delay: firstRetryMs },
        stackTraceLimit: 0,
        removeOnComplete: kept,
        removeOnFail: kept,
        ...priorityOf(call),
      },
    }));
    await onRedis(() => this.options.queue.addBulk(jobs));
  }

  async withdraw(calls: readonly ToolCallRef[]): Promise<void> {
    const { client, queue } = this.options;
    await onRedis(() =>
      Promise.all(
        calls.map(async (call) => {
          const id = toolJobId(call);
          const flagged = await flagWithdrawn.run(client, [this.keys.job(id)], [this.keys.withdrawals, id]);
          // One that is under way stays, until its worker has given it up.
          if (flagged !== 'gone' && (await queue.remove(id)) === 1)
            await keepOut.run(client, [this.keys.job(id)], [keptOutMs]);
        }),
      ),
    );
  }

  /** The workers keep the answers themselves, before their jobs end. */
  reconcile(): Promise<readonly ToolReturn[]> {
    return Promise.resolve([]);
  }
}

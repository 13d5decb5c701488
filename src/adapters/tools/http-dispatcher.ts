import type { Queue } from 'bullmq';
import type { ToolCallRef } from '../../domain/tools.ts';
import type { ToolCallJob, ToolDispatcher, ToolReturn } from '../../ports/tool-calls.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { addCalls, callDataOf, type CallQueue, withdrawCalls } from './call-jobs.ts';
import { httpToolKeys } from './keys.ts';

export interface HttpToolDispatcherOptions {
  readonly queue: Queue;
  /** The connection that `queue` uses, or one like it. */
  readonly client: RedisClient;
  readonly prefix: string;
}

/** As often as nothing of a call reached the other side: over some minutes. */
const tries = 8;
/** Doubled with each try. */
export const firstRetryMs = 1000;

/** Tool calls that a URL answers, as jobs of the queue `tools-http`; see `HttpToolsWorker`. */
export class HttpToolDispatcher implements ToolDispatcher {
  private readonly calls: CallQueue;

  constructor({ queue, client, prefix }: HttpToolDispatcherOptions) {
    this.calls = { queue, client, keys: httpToolKeys(prefix) };
  }

  async dispatch(calls: readonly ToolCallJob[]): Promise<void> {
    await addCalls(this.calls, calls, (call) => ({ ...callDataOf(call), url: call.url }), {
      attempts: tries,
      backoff: { type: 'exponential', delay: firstRetryMs },
      stackTraceLimit: 0,
    });
  }

  async withdraw(calls: readonly ToolCallRef[]): Promise<void> {
    await withdrawCalls(this.calls, calls);
  }

  /** The workers keep the answers themselves, before their jobs end. */
  reconcile(): Promise<readonly ToolReturn[]> {
    return Promise.resolve([]);
  }
}

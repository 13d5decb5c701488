import type { Queue } from 'bullmq';
import type { ToolCallRef } from '../../domain/tools.ts';
import type { ToolCallJob, ToolDispatcher, ToolReturn } from '../../ports/tool-calls.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { addCalls, callDataOf, type CallQueue, withdrawCalls } from './call-jobs.ts';
import { toolJobId, toolKeys } from './keys.ts';
import { readResult } from './returns.ts';

export interface QueueToolDispatcherOptions {
  readonly queue: Queue;
  /** The connection that `queue` uses, or one like it. */
  readonly client: RedisClient;
  readonly prefix: string;
  /** Of workers that know BullMQ alone; ours keep to it themselves. */
  readonly maxOutputBytes: number;
}

/** Tool calls as jobs of the queue `tools`, one each. */
export class QueueToolDispatcher implements ToolDispatcher {
  private readonly calls: CallQueue;
  private readonly maxOutputBytes: number;

  constructor({ queue, client, prefix, maxOutputBytes }: QueueToolDispatcherOptions) {
    this.calls = { queue, client, keys: toolKeys(prefix) };
    this.maxOutputBytes = maxOutputBytes;
  }

  async dispatch(calls: readonly ToolCallJob[]): Promise<void> {
    // One attempt: whether the tool may be asked again is for the model, or the handler, to say.
    await addCalls(this.calls, calls, callDataOf, { attempts: 1 });
  }

  async withdraw(calls: readonly ToolCallRef[]): Promise<void> {
    await withdrawCalls(this.calls, calls);
  }

  async reconcile(calls: readonly ToolCallRef[]): Promise<readonly ToolReturn[]> {
    const { client, keys } = this.calls;
    const results = await onRedis(() =>
      Promise.all(calls.map((call) => readResult(client, keys.job(toolJobId(call)), this.maxOutputBytes))),
    );
    return results.flatMap((result) => (result?.answer ? [result.answer] : []));
  }
}

import type { Queue } from 'bullmq';
import type { ToolCallRef } from '../../domain/tools.ts';
import type { ToolJobDataInput } from '../../domain/wire/tool-job.ts';
import type { ToolCallJob, ToolDispatcher, ToolReturn } from '../../ports/tool-calls.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { toolJobId, type ToolKeys, toolKeys } from './keys.ts';
import { readResult } from './returns.ts';
import { flagWithdrawn, keepOut } from './scripts.ts';

export interface QueueToolDispatcherOptions {
  readonly queue: Queue;
  /** The connection that `queue` uses, or one like it. */
  readonly client: RedisClient;
  readonly prefix: string;
  /** Of workers that know BullMQ alone; ours keep to it themselves. */
  readonly maxOutputBytes: number;
}

/**
 * A finished job stays until its run withdraws it, so that the call cannot be added again. This bound is for the jobs of
 * runs that were removed by hand: a day more than the longest deadline.
 */
export const keepFinishedSeconds = 8 * 86_400;

/** No process is expected to stand still for longer, and go on. */
export const keptOutMs = 600_000;

/** Tool calls as jobs of the queue `tools`, one each. */
export class QueueToolDispatcher implements ToolDispatcher {
  private readonly options: QueueToolDispatcherOptions;
  private readonly keys: ToolKeys;

  constructor(options: QueueToolDispatcherOptions) {
    this.options = options;
    this.keys = toolKeys(options.prefix);
  }

  async dispatch(calls: readonly ToolCallJob[]): Promise<void> {
    if (calls.length === 0) return;
    const kept = { age: keepFinishedSeconds };
    const jobs = calls.map((call) => ({
      name: call.name,
      data: dataOf(call),
      // One attempt: whether the tool may be asked again is for the model, or the handler, to say.
      opts: {
        jobId: toolJobId(call),
        attempts: 1,
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
          // The flag first: a worker that takes the job up right now sees it, and one that has it is told.
          const flagged = await flagWithdrawn.run(client, [this.keys.job(id)], [this.keys.withdrawals, id]);
          // One that is being worked on stays: its worker removes it.
          if (flagged !== 'gone' && (await queue.remove(id)) === 1)
            await keepOut.run(client, [this.keys.job(id)], [keptOutMs]);
        }),
      ),
    );
  }

  async reconcile(calls: readonly ToolCallRef[]): Promise<readonly ToolReturn[]> {
    const { client, maxOutputBytes } = this.options;
    const results = await onRedis(() =>
      Promise.all(calls.map((call) => readResult(client, this.keys.job(toolJobId(call)), maxOutputBytes))),
    );
    return results.flatMap((result) => (result?.answer ? [result.answer] : []));
  }
}

/** BullMQ keeps jobs of priority 0 in a list of their own, ahead of all others. */
export function priorityOf({ priority }: ToolCallJob): { readonly priority?: number } {
  return priority > 0 ? { priority } : {};
}

export function dataOf(call: ToolCallJob): ToolJobDataInput {
  return {
    v: 1,
    run_id: call.runId,
    round: call.round,
    tool_call_id: call.toolCallId,
    name: call.name,
    arguments: call.arguments,
    deadline_at: new Date(call.deadlineAtMs).toISOString(),
    label: call.label,
    metadata: { ...call.metadata },
  };
}

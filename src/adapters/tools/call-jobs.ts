/** Tool calls as jobs, one each: what the queues `tools` and `tools-http` have in common. */

import type { JobsOptions, Queue } from 'bullmq';
import type { ToolCallRef } from '../../domain/tools.ts';
import type { ToolJobDataInput } from '../../domain/wire/tool-job.ts';
import type { ToolCallJob } from '../../ports/tool-calls.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { toolJobId, type ToolKeys } from './keys.ts';
import { flagWithdrawn, keepOut } from './scripts.ts';

export interface CallQueue {
  readonly queue: Queue;
  /** The connection that `queue` uses, or one like it. */
  readonly client: RedisClient;
  readonly keys: Pick<ToolKeys, 'job' | 'withdrawals'>;
}

/**
 * A finished job stays until its run withdraws it, so that the call cannot be added again. This bound is for the jobs of
 * runs that were removed by hand: a day more than the longest deadline.
 */
export const keepFinishedSeconds = 8 * 86_400;

/** No process is expected to stand still for longer, and go on. */
const keptOutMs = 600_000;

/** Those that have a job already get no second one. `dataOf`: what stands in the job. */
export async function addCalls(
  { queue }: CallQueue,
  calls: readonly ToolCallJob[],
  dataOf: (call: ToolCallJob) => ToolJobDataInput,
  opts: JobsOptions,
): Promise<void> {
  if (calls.length === 0) return;
  const kept = { age: keepFinishedSeconds };
  const jobs = calls.map((call) => ({
    name: call.name,
    data: dataOf(call),
    opts: {
      ...opts,
      jobId: toolJobId(call),
      removeOnComplete: kept,
      removeOnFail: kept,
      ...priorityOf(call),
    },
  }));
  await onRedis(() => queue.addBulk(jobs));
}

/** Nobody waits for them any more. */
export async function withdrawCalls(
  { queue, client, keys }: CallQueue,
  calls: readonly ToolCallRef[],
): Promise<void> {
  await onRedis(() =>
    Promise.all(
      calls.map(async (call) => {
        const id = toolJobId(call);
        // The flag first: a worker that takes the job up right now sees it, and one that has it is told.
        const flagged = await flagWithdrawn.run(client, [keys.job(id)], [keys.withdrawals, id]);
        // One that is being worked on stays: its worker removes it.
        if (flagged !== 'gone' && (await queue.remove(id)) === 1)
          await keepOut.run(client, [keys.job(id)], [keptOutMs]);
      }),
    ),
  );
}

/** As schemas/tool-job.schema.json says. */
export function callDataOf(call: ToolCallJob): ToolJobDataInput {
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

/** BullMQ keeps jobs of priority 0 in a list of their own, ahead of all others. */
function priorityOf({ priority }: ToolCallJob): { readonly priority?: number } {
  return priority > 0 ? { priority } : {};
}

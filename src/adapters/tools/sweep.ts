import type { Queue } from 'bullmq';
import { onRedis } from '../redis-sdk/errors.ts';
import { keepFinishedSeconds } from './call-jobs.ts';

const batch = 1000;

/** Removes jobs that are older than any run can be: their run was removed by hand, or withdrew while Redis was away. */
export async function removeOldToolJobs(queue: Queue): Promise<void> {
  for (const state of ['completed', 'failed', 'wait', 'delayed'] as const)
    await onRedis(() => queue.clean(keepFinishedSeconds * 1000, batch, state));
}

import type { Queue } from 'bullmq';
import { onRedis } from '../redis-sdk/errors.ts';
import { keepDeadSeconds } from './keys.ts';

const batch = 1000;

/**
 * Removes callbacks that were delivered longer ago than `keepDeliveredSeconds`, and those given up longer ago than they
 * can be sent again: BullMQ itself removes only when another job ends.
 */
export async function removeOldCallbacks(queue: Queue, keepDeliveredSeconds: number): Promise<void> {
  await clean(queue, 'completed', keepDeliveredSeconds);
  await clean(queue, 'failed', keepDeadSeconds);
}

async function clean(queue: Queue, state: 'completed' | 'failed', keepSeconds: number): Promise<void> {
  for (;;) {
    const removed = await onRedis(() => queue.clean(keepSeconds * 1000, batch, state));
    if (removed.length < batch) return;
  }
}

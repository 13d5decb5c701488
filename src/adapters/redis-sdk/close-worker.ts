import type { Worker } from 'bullmq';
import { within } from './within.ts';

/**
 * Takes no more jobs, and resolves when those in hand are done: true; or after `deadlineMs`: false. Those are left to
 * others then, whom the locks tell; `close(true)` would wait as well.
 */
export async function closeWithin(worker: Worker, deadlineMs: number): Promise<boolean> {
  return (
    (await within(
      deadlineMs,
      worker.close().then(() => true),
    )) ?? false
  );
}

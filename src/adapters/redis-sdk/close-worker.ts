import type { Worker } from 'bullmq';

/**
 * Takes no more jobs, and resolves when those in hand are done: true; or after `deadlineMs`: false. Those are left to
 * others then, whom the locks tell; `close(true)` would wait as well.
 */
export async function closeWithin(worker: Worker, deadlineMs: number): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(late.resolve, deadlineMs, false);
  const closed = worker.close().then(() => true);
  try {
    return await Promise.race([closed, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

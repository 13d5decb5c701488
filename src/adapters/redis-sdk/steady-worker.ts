/** What BullMQ's worker lacks while Redis refuses commands (out of memory, a slot that moves, a replica). */

import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, type Worker } from 'bullmq';

const retryMs = 500;

/** The job is not ours any more: its lock expired or is another's, or the job is gone. */
export function isLost(error: unknown): boolean {
  return hasCode(
    error,
    ErrorCode.JobLockNotExist,
    ErrorCode.JobLockMismatch,
    ErrorCode.JobNotExist,
    ErrorCode.JobNotInState,
  );
}

/** Whether BullMQ refused an operation for one of these reasons. */
export function hasCode(error: unknown, ...codes: readonly number[]): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'number' && codes.includes(error.code)
  );
}

/**
 * - BullMQ asks for the next job again at once when Redis refuses, thousands of times a second: it is made to wait.
 * - It moves a job to the failed ones whose completion Redis refused, though its work is done: the completion is tried
 *   until it is taken, or the job is another worker's.
 */
export function steady(worker: Worker): void {
  const backend = worker.getBackend();
  const take = backend.moveToActive.bind(backend);
  backend.moveToActive = async (...args) => {
    try {
      return await take(...args);
    } catch (error) {
      await sleep(retryMs);
      throw error;
    }
  };
  const complete = backend.moveToCompleted.bind(backend);
  backend.moveToCompleted = async (...args) => {
    for (;;) {
      try {
        return await complete(...args);
      } catch (error) {
        if (isLost(error) || worker.closing !== undefined) throw error;
        worker.emit('error', error instanceof Error ? error : new Error(String(error)));
        await sleep(retryMs);
      }
    }
  };
}

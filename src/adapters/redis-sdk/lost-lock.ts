import { ErrorCode } from 'bullmq';

/** The job is not ours any more: its lock expired or is another's, or the job is gone. */
export function isLostLock(error: unknown): boolean {
  const { JobLockNotExist, JobLockMismatch, JobNotExist, JobNotInState } = ErrorCode;
  if (hasCode(error, JobLockNotExist, JobLockMismatch, JobNotExist, JobNotInState)) return true;
  // The one that BullMQ gives no code: a job in hand whose lock was to be renewed.
  return error instanceof Error && error.message.startsWith('could not renew lock for job ');
}

/** Whether BullMQ refused an operation for one of these reasons. */
export function hasCode(error: unknown, ...codes: readonly number[]): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'number' && codes.includes(error.code)
  );
}

import { ErrorCode, type Queue } from 'bullmq';

/** Makes a delayed job due now. One that is not delayed (waiting, active, ended, gone) is left as it is. */
export async function promote(queue: Pick<Queue, 'getBackend'>, id: string): Promise<void> {
  try {
    await queue.getBackend().promote(id);
  } catch (error) {
    if (!hasCode(error, ErrorCode.JobNotInState, ErrorCode.JobNotExist)) throw error;
  }
}

/** Whether BullMQ refused an operation for one of these reasons. */
export function hasCode(error: unknown, ...codes: readonly number[]): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'number' && codes.includes(error.code)
  );
}

import { ErrorCode, type Queue } from 'bullmq';
import { hasCode } from '../redis-sdk/lost-lock.ts';

export type Promoter = Pick<Queue, 'getBackend'>;

/** Makes a delayed job due now. One that is not delayed (waiting, active, ended, gone) is left as it is. */
export async function promote(queue: Promoter, id: string): Promise<void> {
  try {
    await queue.getBackend().promote(id);
  } catch (error) {
    if (!hasCode(error, ErrorCode.JobNotInState, ErrorCode.JobNotExist)) throw error;
  }
}

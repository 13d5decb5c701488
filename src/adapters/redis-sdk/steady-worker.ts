/** What BullMQ's worker lacks while Redis is slow, or refuses commands (out of memory, a slot that moves, a replica). */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'bullmq';
import { isLostLock } from './lost-lock.ts';
import { within } from './within.ts';

/** What Redis did not take is tried again after this time. */
export const redisRetryMs = 500;

/** BullMQ notices a wait that hangs after a second, and has the rest for the new connection. */
const renewalMs = 5000;
/** Ends BullMQ's turn of taking jobs, as the time of a delayed one that is due would. Milliseconds since the epoch. */
const longDue = 1;

/** As BullMQ reports errors of its own. */
export function reportError(worker: Worker, error: unknown): void {
  worker.emit('error', error instanceof Error ? error : new Error(String(error)));
}

/**
 * - BullMQ takes as many jobs as are waiting, one trip each, before it starts the first of them; until then nobody renews
 *   their locks. With 200 that wait and trips of 25 ms, all are lost by then, and taken again, for ever. So each is
 *   started before the next one is taken.
 * - It asks for the next job again at once when Redis refuses, thousands of times a second: it is made to wait.
 * - When its blocking wait hangs, it renews that connection; of a Cluster whose node has died, it may wait for its end for
 *   ever, and takes no job any more. So it looks for jobs without that.
 * - It moves a job to the failed ones whose completion Redis refused, though its work is done: the completion is tried
 *   until it is taken, or the job is another worker's.
 */
export function steady(worker: Worker): void {
  const backend = worker.getBackend();
  const take = backend.moveToActive.bind(backend);
  backend.moveToActive = async (...args) => {
    try {
      const taken = await take(...args);
      const [job, id, rateLimitMs] = taken;
      return job ? [job, id, rateLimitMs, longDue] : taken;
    } catch (error) {
      await sleep(redisRetryMs);
      throw error;
    }
  };
  const wait = backend.waitForJob.bind(backend);
  backend.waitForJob = async (seconds) => await within(seconds * 1000 + renewalMs, wait(seconds));
  const reconnect = backend.reconnectBlocking.bind(backend);
  backend.reconnectBlocking = async () => void (await within(renewalMs, reconnect()));
  const complete = backend.moveToCompleted.bind(backend);
  backend.moveToCompleted = async (...args) => {
    for (;;) {
      try {
        return await complete(...args);
      } catch (error) {
        if (isLostLock(error) || worker.closing !== undefined) throw error;
        reportError(worker, error);
        await sleep(redisRetryMs);
      }
    }
  };
}

import { DelayedError, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';

export interface Load {
  readonly jobs: number;
  /** How often each job is delayed before it completes. */
  readonly cycles: number;
  readonly concurrency: number;
}

/** The least that a job which delays itself can do: its count written together with the delay. Cycles a second. */
export async function bareCycles(url: string, { jobs, cycles, concurrency }: Load): Promise<number> {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const queue = new Queue('bare', { connection, prefix: '{bench}' });
  await queue.addBulk(
    Array.from({ length: jobs }, () => ({ name: 'cycle', data: { text: 'x'.repeat(200) } })),
  );
  const done = Promise.withResolvers<void>();
  let completed = 0;
  const worker = new Worker(
    'bare',
    async (job, token) => {
      const count = typeof job.progress === 'number' ? job.progress : 0;
      if (count === cycles) return null;
      const fieldsToUpdate = { progress: JSON.stringify(count + 1) };
      await worker
        .getBackend()
        .moveToDelayed(job.id ?? '', Date.now(), 1, token, { skipAttempt: true, fieldsToUpdate });
      throw new DelayedError();
    },
    { connection, prefix: '{bench}', concurrency, autorun: false, drainDelay: 1 },
  );
  worker.on('completed', () => {
    completed += 1;
    if (completed === jobs) done.resolve();
  });
  await worker.waitUntilReady();
  const startMs = performance.now();
  const running = worker.run();
  await done.promise;
  const seconds = (performance.now() - startMs) / 1000;
  await worker.close();
  await running;
  await queue.close();
  connection.disconnect();
  return (jobs * cycles) / seconds;
}

import type { Redis } from 'ioredis';

/** The queue of the load test: a member is `class id ticket`, its score the time at which it is due. */
export const queueKey = 'load:queue';

export async function addRuns(client: Redis, callClass: string, count: number): Promise<void> {
  const members = Array.from({ length: count }, (_, i) => [0, `${callClass} ${callClass}${i} `]).flat();
  if (count > 0) await client.zadd(queueKey, ...members);
}

import type { Redis } from 'ioredis';

/** What Redis has taken of the machine for its data, MB. */
export async function redisMb(redis: Redis): Promise<number> {
  const info = await redis.info('memory');
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? 0) / 1024 ** 2;
}

/** The same without BullMQ's streams of events, which fill up to some 10,000 entries each and stay so. */
export async function redisMbWithoutEvents(redis: Redis): Promise<number> {
  const queues = ['runs', 'tools', 'tools-http', 'callbacks'];
  const streams = await Promise.all(
    queues.map((queue) => redis.memory('USAGE', `{runfleet}:${queue}:events`, 'SAMPLES', 0)),
  );
  const bytes = streams.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  return (await redisMb(redis)) - bytes / 1024 ** 2;
}

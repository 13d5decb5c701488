import type { RedisClient } from '../redis-sdk/client.ts';
import { toolKeys, toolsQueue } from './keys.ts';

export interface WaitingTools {
  /** Calls that no worker has taken up. */
  readonly calls: number;
  /** How long the oldest of them has waited; 0 without any. */
  readonly longestMs: number;
  /** Tools of such calls that no worker has said to serve. */
  readonly unserved: readonly string[];
}

/** `most`: so many calls are looked at, of each of BullMQ's lists: those that are next. */
export async function waitingTools(
  client: RedisClient,
  prefix: string,
  nowMs: number,
  most: number,
): Promise<WaitingTools> {
  const keys = toolKeys(prefix);
  const list = (name: string): string => `${prefix}:${toolsQueue}:${name}`;
  const [served, ...found] = await Promise.all([
    client.zrangebyscore(keys.served, nowMs, '+inf'),
    client.lrange(list('wait'), -most, -1),
    client.zrange(list('prioritized'), 0, `${most - 1}`),
    // Put back for a moment by a worker that does not serve them.
    client.zrange(list('delayed'), 0, `${most - 1}`),
  ]);
  const counts = await Promise.all([
    client.llen(list('wait')),
    client.zcard(list('prioritized')),
    client.zcard(list('delayed')),
  ]);
  const jobs = await Promise.all(found.flat().map((id) => client.hmget(keys.job(id), 'name', 'timestamp')));
  const names = jobs.flatMap(([name]) => (typeof name === 'string' ? [name] : []));
  const sinceMs = jobs.flatMap(([, timestamp]) => (typeof timestamp === 'string' ? [Number(timestamp)] : []));
  return {
    calls: counts.reduce((sum, count) => sum + count, 0),
    longestMs: Math.max(0, ...sinceMs.map((atMs) => nowMs - atMs)),
    unserved: [...new Set(names)].filter((name) => !served.includes(name)).sort(),
  };
}

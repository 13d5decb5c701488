/** What `StandIn` runs beside the event loop. */

import { workerData } from 'node:worker_threads';
import { connectRedis, type RedisClient } from '../redis-sdk/client.ts';
import { beat } from './scripts.ts';

export interface StandInData {
  readonly redisUrl: string;
  readonly workers: string;
  readonly served: string;
  readonly id: string;
  readonly aliveMs: number;
  readonly servedMs: number;
  /** An event loop that stands still for longer will not go on: what it has in hand is for others. */
  readonly mostBlockedMs: number;
  /** When the event loop was last seen to turn. */
  readonly lastMs: BigInt64Array;
}

const { redisUrl, workers, served, id, aliveMs, servedMs, mostBlockedMs, lastMs }: StandInData = workerData;
let client: RedisClient | null = null;

setInterval(() => {
  const blockedMs = Date.now() - Number(Atomics.load(lastMs, 0));
  if (blockedMs < aliveMs / 2 || blockedMs > mostBlockedMs) return;
  // Most processes never come here, and need no connection for it.
  if (client === null) {
    client = connectRedis(redisUrl, 'patient');
    client.on('error', () => {});
  }
  beat.run(client, [workers, served], [id, aliveMs, servedMs]).catch(() => {});
}, aliveMs / 6);

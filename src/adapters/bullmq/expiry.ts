import type { Queue } from 'bullmq';
import { leastKeptMs, type Retention } from '../../domain/retention.ts';
import { runKinds, runStatuses } from '../../domain/status.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { runKeys } from './keys.ts';
import { releaseProviderIds } from './provider-ids.ts';

export interface ExpiryDeps {
  readonly queue: Queue;
  readonly client: RedisClient;
  readonly prefix: string;
  /** Names of what others keep of a run, by its id: it goes as well. */
  readonly otherKeys?: (id: string) => readonly string[];
}

/** So many runs a turn: short enough not to be felt by the others on this Redis. */
const batch = 500;

/**
 * Removes runs that ended too long ago, and the oldest of those that are too many, with everything kept of them. Returns
 * how many. BullMQ's own `removeOnComplete` runs only when another job ends, and knows nothing of our keys.
 */
export async function removeExpired(deps: ExpiryDeps, nowMs: number, retention: Retention): Promise<number> {
  let removed = 0;
  for (;;) {
    const ids = await expired(deps, nowMs, retention);
    await onRedis(async () => {
      // The job goes last: as long as it is there, a sweep that died half-way is repeated.
      await forget(deps, ids);
      await Promise.all(ids.map((id) => deps.queue.remove(id)));
    });
    removed += ids.length;
    if (ids.length < batch) return removed;
  }
}

async function expired(
  { client, prefix }: ExpiryDeps,
  nowMs: number,
  { keepMs, keepRuns }: Retention,
): Promise<string[]> {
  const keys = runKeys(prefix);
  const sets = [keys.finished('completed'), keys.finished('failed')];
  return await onRedis(async () => {
    const [sizes, oldest] = await Promise.all([
      Promise.all(sets.map((key) => client.zcard(key))),
      Promise.all(
        sets.map((key) => client.zrangebyscore(key, '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, batch)),
      ),
    ]);
    const surplus = sizes.reduce((sum, size) => sum + size, 0) - keepRuns;
    return oldest
      .flatMap(pairs)
      .sort((a, b) => a.endedAtMs - b.endedAtMs)
      .slice(0, batch)
      .filter(({ endedAtMs }, at) => {
        const ageMs = nowMs - endedAtMs;
        return ageMs >= keepMs || (at < surplus && ageMs >= leastKeptMs);
      })
      .map(({ id }) => id);
  });
}

function pairs(flat: readonly string[]): { readonly id: string; readonly endedAtMs: number }[] {
  return Array.from({ length: flat.length / 2 }, (_, at) => ({
    id: flat[2 * at] ?? '',
    endedAtMs: Number(flat[2 * at + 1]),
  }));
}

/** All that is kept of these runs beside their jobs. */
export async function forget(
  { client, prefix, otherKeys = () => [] }: ExpiryDeps,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  const keys = runKeys(prefix);
  const owners = await client.smembers(keys.owners);
  const indexes = runKinds.flatMap((kind) => runStatuses.map((status) => keys.statusIndex(kind, status)));
  await releaseProviderIds(client, keys, ids);
  await Promise.all([
    ...[keys.index, ...indexes, ...owners.map((owner) => keys.ownerIndex(owner))].map((index) =>
      client.zrem(index, ...ids),
    ),
    // Outputs of tools can be large: they are freed beside Redis's own thread.
    client.unlink(
      ...ids.flatMap((id) => [keys.request(id), keys.wake(id), keys.tools(id), ...otherKeys(id)]),
    ),
  ]);
}

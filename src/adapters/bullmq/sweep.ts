import type { Queue } from 'bullmq';
import { statusOf } from '../../domain/run.ts';
import { openStatuses, runKinds, type RunStatus, runStatuses } from '../../domain/status.ts';
import type { RunStore } from '../../ports/run-store.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { runKeys } from './keys.ts';
import { releaseProviderIds } from './provider-ids.ts';

export interface SweepDeps {
  readonly queue: Queue;
  readonly client: RedisClient;
  readonly store: Pick<RunStore, 'get'>;
  readonly prefix: string;
}

/** So many runs a turn: short enough not to be felt by the others on this Redis. */
const batch = 500;
/** Index entries younger than this may still get their job. */
const settledMs = 60_000;

/**
 * Removes runs that ended more than `keepMs` ago, with everything kept of them. Returns how many.
 * BullMQ's own `removeOnComplete` runs only when another job ends, and knows nothing of our keys.
 */
export async function removeExpired(deps: SweepDeps, nowMs: number, keepMs: number): Promise<number> {
  const keys = runKeys(deps.prefix);
  let removed = 0;
  for (const state of ['completed', 'failed'] as const) {
    for (;;) {
      const ids = await onRedis(() =>
        deps.client.zrangebyscore(keys.finished(state), '-inf', nowMs - keepMs, 'LIMIT', 0, batch),
      );
      if (ids.length === 0) break;
      await onRedis(async () => {
        // The job goes last: as long as it is there, a sweep that died half-way is repeated.
        await forget(deps.client, deps.prefix, ids);
        await Promise.all(ids.map((id) => deps.queue.remove(id)));
      });
      removed += ids.length;
      if (ids.length < batch) break;
    }
  }
  return removed;
}

/** Drops index entries that no longer tell the truth: what a crash between two writes can leave behind. */
export async function repairIndex(deps: SweepDeps, nowMs: number): Promise<number> {
  const keys = runKeys(deps.prefix);
  let dropped = 0;
  for (const kind of runKinds) {
    for (const status of openStatuses) {
      const index = keys.statusIndex(kind, status);
      const ids = await onRedis(() =>
        deps.client.zrangebyscore(index, '-inf', nowMs - settledMs, 'LIMIT', 0, batch),
      );
      for (const id of ids) {
        const before = await statusIn(deps, id);
        if (before?.status === status) continue;
        dropped += await onRedis(() => deps.client.zrem(index, id));
        const after = await statusIn(deps, id);
        // It moved back while we looked: its entry was true again.
        if (after?.status === status) await onRedis(() => deps.client.zadd(index, after.acceptedAtMs, id));
        if (after === null) await onRedis(() => forget(deps.client, deps.prefix, [id]));
      }
    }
  }
  return dropped;
}

async function statusIn(
  deps: SweepDeps,
  id: string,
): Promise<{ readonly status: RunStatus; readonly acceptedAtMs: number } | null> {
  const record = await deps.store.get(id);
  if (record === null) return null;
  return { status: record.outcome?.status ?? statusOf(record.state), acceptedAtMs: record.spec.acceptedAtMs };
}

async function forget(client: RedisClient, prefix: string, ids: readonly string[]): Promise<void> {
  const keys = runKeys(prefix);
  const owners = await client.smembers(keys.owners);
  const indexes = runKinds.flatMap((kind) => runStatuses.map((status) => keys.statusIndex(kind, status)));
  await releaseProviderIds(client, keys, ids);
  await Promise.all([
    ...[keys.index, ...indexes, ...owners.map((owner) => keys.ownerIndex(owner))].map((index) =>
      client.zrem(index, ...ids),
    ),
    client.del(
      ...ids.flatMap((id) => [keys.request(id), keys.wake(id), keys.tools(id), ...keys.streamed(id)]),
    ),
  ]);
}

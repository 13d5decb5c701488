import { statusOf } from '../../domain/run.ts';
import { openStatuses, type RunKind, runKinds, type RunStatus } from '../../domain/status.ts';
import type { RunStore } from '../../ports/run-store.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { type ExpiryDeps, forget } from './expiry.ts';
import { runKeys } from './keys.ts';

export interface RepairDeps extends ExpiryDeps {
  readonly store: Pick<RunStore, 'get'>;
}

/** Entries of an index looked at in a turn. */
const batch = 500;
/** Index entries younger than this may still get their job. */
const settledMs = 60_000;

/**
 * Drops index entries that no longer tell the truth: what a crash between two writes leaves behind, and runs whose jobs
 * were removed by others. Each turn goes on where the last one stopped, so that a long index is gone through in the end.
 */
export class IndexRepair {
  private readonly deps: RepairDeps;
  private readonly keys: ReturnType<typeof runKeys>;
  /** By index: how many entries, from the oldest, are done. */
  private readonly done = new Map<string, number>();

  constructor(deps: RepairDeps) {
    this.deps = deps;
    this.keys = runKeys(deps.prefix);
  }

  /** One turn. Returns how many entries it has dropped. */
  async turn(nowMs: number): Promise<number> {
    let dropped = await this.dropJobless(nowMs);
    for (const kind of runKinds) {
      for (const status of openStatuses) dropped += await this.dropMoved(kind, status, nowMs);
    }
    return dropped;
  }

  /** Of the index of all runs: those without a job. */
  private async dropJobless(nowMs: number): Promise<number> {
    const { client } = this.deps;
    const ids = await this.next(this.keys.index, nowMs);
    const exists = await onRedis(() => Promise.all(ids.map((id) => client.exists(this.keys.job(id)))));
    const gone = ids.filter((_, at) => exists[at] === 0);
    await onRedis(() => forget(this.deps, gone));
    this.stepBack(this.keys.index, gone.length);
    return gone.length;
  }

  /** Of the index of one open status: those that have another one by now. */
  private async dropMoved(kind: RunKind, status: RunStatus, nowMs: number): Promise<number> {
    const { client } = this.deps;
    const index = this.keys.statusIndex(kind, status);
    let dropped = 0;
    for (const id of await this.next(index, nowMs)) {
      const before = await this.statusIn(id);
      if (before?.status === status) continue;
      dropped += await onRedis(() => client.zrem(index, id));
      const after = await this.statusIn(id);
      // It moved back while we looked: its entry was true again.
      if (after?.status === status) await onRedis(() => client.zadd(index, after.acceptedAtMs, id));
      if (after === null) await onRedis(() => forget(this.deps, [id]));
    }
    this.stepBack(index, dropped);
    return dropped;
  }

  private async next(index: string, nowMs: number): Promise<string[]> {
    const from = this.done.get(index) ?? 0;
    const found = await onRedis(() =>
      this.deps.client.zrangebyscore(index, '-inf', nowMs - settledMs, 'LIMIT', from, batch),
    );
    this.done.set(index, found.length < batch ? 0 : from + batch);
    return found;
  }

  private stepBack(index: string, dropped: number): void {
    this.done.set(index, Math.max(0, (this.done.get(index) ?? 0) - dropped));
  }

  private async statusIn(
    id: string,
  ): Promise<{ readonly status: RunStatus; readonly acceptedAtMs: number } | null> {
    const record = await this.deps.store.get(id);
    if (record === null) return null;
    const { outcome, spec, state } = record;
    return { status: outcome?.status ?? statusOf(state), acceptedAtMs: spec.acceptedAtMs };
  }
}

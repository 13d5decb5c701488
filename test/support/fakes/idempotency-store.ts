import { StoreUnavailableError } from '../../../src/domain/errors.ts';
import type { IdempotencyKey, IdempotencyStore, Reservation } from '../../../src/ports/idempotency.ts';

export class FakeIdempotencyStore implements IdempotencyStore {
  /** True: every call rejects, as without Redis. */
  unavailable = false;
  private readonly kept = new Map<string, { readonly runId: string; readonly bodyHash: string }>();

  async reserve(key: IdempotencyKey, runId: string): Promise<Reservation> {
    await Promise.resolve();
    if (this.unavailable) throw new StoreUnavailableError('The idempotency store is switched off.');
    const id = JSON.stringify([key.owner, key.key]);
    const first = this.kept.get(id);
    if (first === undefined) {
      this.kept.set(id, { runId, bodyHash: key.bodyHash });
      return { type: 'new' };
    }
    return { type: first.bodyHash === key.bodyHash ? 'seen' : 'mismatch', runId: first.runId };
  }
}

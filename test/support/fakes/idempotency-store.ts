import { StoreUnavailableError } from '../../../src/domain/errors.ts';
import type { IdempotencyKey, IdempotencyStore, Reservation } from '../../../src/ports/idempotency.ts';

interface Kept {
  readonly runId: string;
  readonly bodyHash: string;
  readonly isWritten: boolean;
}

export class FakeIdempotencyStore implements IdempotencyStore {
  /** True: every call rejects, as without Redis. */
  unavailable = false;
  private readonly kept = new Map<string, Kept>();

  async reserve(key: IdempotencyKey, runId: string): Promise<Reservation> {
    await this.answer();
    const first = this.kept.get(idOf(key));
    if (first === undefined) {
      this.kept.set(idOf(key), { runId, bodyHash: key.bodyHash, isWritten: false });
      return { type: 'new' };
    }
    if (first.bodyHash !== key.bodyHash) return { type: 'mismatch', runId: first.runId };
    return { type: 'seen', runId: first.runId, isWritten: first.isWritten };
  }

  async confirm(key: IdempotencyKey, runId: string): Promise<void> {
    await this.answer();
    if (this.kept.has(idOf(key)))
      this.kept.set(idOf(key), { runId, bodyHash: key.bodyHash, isWritten: true });
  }

  private async answer(): Promise<void> {
    await Promise.resolve();
    if (this.unavailable) throw new StoreUnavailableError('The idempotency store is switched off.');
  }
}

function idOf({ owner, key }: IdempotencyKey): string {
  return JSON.stringify([owner, key]);
}

/**
 * Which run an `Idempotency-Key` stands for. Kept as long as results are.
 *
 * Fails closed: rejects while Redis is unreachable.
 */
export interface IdempotencyStore {
  /**
   * Reserves the key for `runId`, or tells whom it stands for already. The run itself may not exist yet (its process
   * died in between): then add it again under the id that comes back.
   */
  reserve(key: IdempotencyKey, runId: string): Promise<Reservation>;
  /** The run is written. From now on, if it is missing, it has been removed: it must not be added again. */
  confirm(key: IdempotencyKey, runId: string): Promise<void>;
}

export interface IdempotencyKey {
  /** The caller's key, as sent. */
  readonly key: string;
  /** Whose key it is: two callers may choose the same. Null without API keys. */
  readonly owner: string | null;
  /** SHA-256 of the request body; the same key with another body is refused. */
  readonly bodyHash: string;
}

export type Reservation =
  | { readonly type: 'new' }
  | { readonly type: 'seen'; readonly runId: string; readonly isWritten: boolean }
  | { readonly type: 'mismatch'; readonly runId: string };

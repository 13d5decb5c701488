import type { CallbackList } from '../domain/wire/callback.ts';

/**
 * The callbacks that were given up. Kept for a week.
 *
 * Fails closed: rejects while Redis is unreachable.
 */
export interface DeadCallbacks {
  /** Throws `InvalidCursorError` for a cursor that is not ours. */
  list(query: { readonly limit: number; readonly cursor?: string }): Promise<CallbackList>;
  /** Sends it again from the first try on, with the same id. False where it is not among them (any more). */
  redrive(id: string, nowMs: number): Promise<boolean>;
}

import type { PacingState } from '../domain/polling/pacing.ts';

/**
 * What the workers of the fleet agree on about the looks of an account (by its id). Small, written every second.
 *
 * Every method rejects while Redis is unreachable. No run ever waits for one: a worker goes on by what it last heard.
 * Forgotten after a day without a change.
 */
export interface PacingStore {
  /**
   * Writes what `change` makes of the state as it stands (null: there is none), and resolves with it. No change of
   * another process is lost: `change` is called again where one came between. Rejects when that goes on too long.
   * `nowMs` is the store's own clock, the same for all processes.
   */
  update(
    account: string,
    change: (before: PacingState | null, nowMs: number) => PacingState,
  ): Promise<PacingState>;
  read(account: string): Promise<PacingState | null>;
}

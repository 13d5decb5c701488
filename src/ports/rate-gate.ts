/**
 * The account's quota, shared by every worker of the fleet: no call goes out without a permit.
 *
 * Fails closed: while the shared state is unreachable, no permit is given.
 */
export interface RateGate {
  /** Asks for one call of this class, now. */
  acquire(callClass: CallClass): Promise<Permit>;
  /** The provider said 429: nobody calls before `untilMs`. Spreads to every process; the latest time stands. */
  pauseUntil(untilMs: number): Promise<void>;
}

/** Classes share the quota by weight; `submit` and `cancel` never wait behind looks. */
export const callClasses = ['create', 'look', 'submit', 'cancel', 'other'] as const;
export type CallClass = (typeof callClasses)[number];

export type Permit =
  | { readonly granted: true }
  /** Come back at `atMs`: a delayed job's time. */
  | { readonly granted: false; readonly atMs: number; readonly reason: 'paused' | 'quota' };

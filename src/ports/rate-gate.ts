import type { CallClass } from '../domain/limiter/classes.ts';
import type { RateHeaders } from '../domain/limiter/headers.ts';

/**
 * The account's quota, shared by every worker of the fleet: no call goes out without a permit.
 *
 * Fails closed: while the shared state is unreachable, no permit is given.
 */
export interface RateGate {
  /**
   * Asks for one call. May take some hundred milliseconds: a slot that is near is waited for here, which is cheaper
   * than leaving and coming back.
   */
  acquire(ask: PermitAsk): Promise<Permit>;
  /** The call of a ticket will not be made: somebody else may have its slot. Never waits. */
  giveBack(ticket: string): void;
  /** What an answer of the provider said of the quota. Never waits; shared with the fleet soon after. */
  observe(answer: ObservedAnswer): void;
  /** The provider said 429: nobody calls before `untilMs`. Spreads to every process; the latest time stands. */
  pauseUntil(untilMs: number): Promise<void>;
  /** What a create really used, once it is known. Never waits. */
  settleTokens(id: string, tokens: number): void;
}

export interface PermitAsk {
  readonly callClass: CallClass;
  /** Goes before the others of its class: it is known to be worth it. Default false. */
  readonly first?: boolean;
  /** Of its run: 0 goes first, larger goes later. Within a class, and while what it passes is young. Default 0. */
  readonly priority?: number;
  /** What the last refusal of this class gave; null at the first ask. */
  readonly ticket: string | null;
  readonly tokens?: TokenAsk;
}

/** Tokens to reserve, under an id that stays the same when the call asks again. */
export interface TokenAsk {
  readonly id: string;
  readonly estimate: number;
}

export type Permit =
  /** `waitedMs`: from the first ask of this call, over all its comings back. */
  | { readonly granted: true; readonly waitedMs: number }
  /** Come back at `atMs` (the caller's clock), with the ticket where there is one: a delayed job's time. */
  | {
      readonly granted: false;
      readonly atMs: number;
      readonly reason: 'paused' | 'quota' | 'tokens' | 'unavailable';
      readonly ticket: string | null;
    };

export interface ObservedAnswer {
  /** Null when no answer came. */
  readonly httpStatus: number | null;
  readonly headers: RateHeaders;
}

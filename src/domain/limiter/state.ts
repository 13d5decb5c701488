/** What the fleet shares of one account. Times are microseconds of Redis's clock; 0 stands for "never". */

import type { PerClass } from './classes.ts';

/** Calls with slots in one bucket of time, by class. */
export interface UsageCell {
  readonly bucket: number;
  readonly calls: PerClass;
}

export interface TokenCell {
  readonly bucket: number;
  readonly tokens: number;
}

export interface Reservation {
  readonly bucket: number;
  readonly tokens: number;
  readonly expiresAtUs: number;
  /** The estimate; `tokens` may be more. */
  readonly asked: number;
}

/** Mutable: a step works on its own copy. */
export interface AccountState {
  /** The Redis server's replication id: another one means that writes may have been lost. */
  epoch: string;
  /** No slot before this, not even for urgent calls: after a loss, or until the window has room for a lower limit. */
  fencedUntilUs: number;
  pausedUntilUs: number;
  /** Limits that the grids were last laid out for: the shared one, then each class's own. */
  limits: [shared: number, ...own: PerClass];
  /** The earliest slot that is still free, of the shared grid, then of each class's own. */
  nextUs: [shared: number, ...own: PerClass];
  /** Slots that urgent calls were sent ahead of, ascending. */
  debts: number[];
  /** Slots given back, ascending. */
  free: number[];

  /** The provider's limit from its headers; 0 when none was seen. */
  learned: number;
  learnedAtUs: number;
  /** The ceiling that `limits[0]` was laid out under; -1 when none is known. */
  ceiling: number;
  /** Calls a window that 429s allow (AIMD); 0 when none were cut. */
  rate: number;
  rateAtUs: number;
  cutAtUs: number;
  /** What others used of the window when last seen. */
  foreign: number;
  foreignAtUs: number;
  yieldedAtUs: number;
  /** Until when the provider is taken to keep a bucket that refills, and how full it was. */
  bucketUntilUs: number;
  level: number;
  levelAtUs: number;

  /** By class. How far it is ahead of its guaranteed share. */
  shareUs: PerClass;
  /** When the next call that comes first may come back. */
  freshUs: PerClass;
  /** When the next call that came back in vain may come back again. */
  againUs: PerClass;
  askedUs: PerClass;
  /** Distance of the last promised times, for estimates. */
  gapUs: PerClass;

  tokensLearned: number;
  tokensForeign: number;
  tokensForeignAtUs: number;
  /** When the next create that lacks tokens may come back: one that comes first, and one that came back in vain. */
  tokensFreshUs: number;
  tokensAgainUs: number;
  /** Distance of the last such times, for estimates. */
  tokensGapUs: number;
  /** What the latest creates used, and what they had asked for, in decayed sums. */
  tokensUsed: number;
  tokensAsked: number;
  /** A create that has waited for tokens and is next; smaller ones may not pass it for ever. */
  holdId: string;
  holdTokens: number;
  holdUntilUs: number;

  usage: Map<number, UsageCell>;
  tokenUse: Map<number, TokenCell>;
  reservations: Map<string, Reservation>;
}

export function emptyAccount(): AccountState {
  return {
    epoch: '',
    fencedUntilUs: 0,
    pausedUntilUs: 0,
    limits: [0, 0, 0, 0, 0, 0],
    nextUs: [0, 0, 0, 0, 0, 0],
    debts: [],
    free: [],
    learned: 0,
    learnedAtUs: 0,
    ceiling: 0,
    rate: 0,
    rateAtUs: 0,
    cutAtUs: 0,
    foreign: 0,
    foreignAtUs: 0,
    yieldedAtUs: 0,
    bucketUntilUs: 0,
    level: 0,
    levelAtUs: 0,
    shareUs: [0, 0, 0, 0, 0],
    freshUs: [0, 0, 0, 0, 0],
    againUs: [0, 0, 0, 0, 0],
    askedUs: [0, 0, 0, 0, 0],
    gapUs: [0, 0, 0, 0, 0],
    tokensLearned: 0,
    tokensForeign: 0,
    tokensForeignAtUs: 0,
    tokensFreshUs: 0,
    tokensAgainUs: 0,
    tokensGapUs: 0,
    tokensUsed: 0,
    tokensAsked: 0,
    holdId: '',
    holdTokens: 0,
    holdUntilUs: 0,
    usage: new Map(),
    tokenUse: new Map(),
    reservations: new Map(),
  };
}

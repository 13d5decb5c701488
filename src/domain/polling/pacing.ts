/** What the looks of one account share, beside durations: the price under a short quota, and how webhooks arrive. */

import { nextPrice, noLooks, noScarcity, type PermittedLooks, type PriceState } from './price.ts';
import { type ArrivalEvidence, type ArrivalState, learnArrival, unknownArrival } from './webhook-arrival.ts';

export interface PacingState {
  readonly v: 1;
  /** The store's clock, when it was last written. */
  readonly atMs: number;
  readonly price: PriceState;
  readonly arrival: ArrivalState;
}

/** What one process has seen since it last told the others. */
export interface PacingNews {
  readonly permitted: PermittedLooks;
  readonly arrivals: readonly ArrivalEvidence[];
  /** Ends that should have been told of; see `silence.ts`. Less than 0: taken back. */
  readonly silentEnds: number;
}

export const noNews: PacingNews = { permitted: noLooks, arrivals: [], silentEnds: 0 };

/** Of an account that nobody has looked at anything with. */
export const freshPacing: PacingState = { v: 1, atMs: 0, price: noScarcity, arrival: unknownArrival };

export function withNews(before: PacingState | null, news: PacingNews, nowMs: number): PacingState {
  const { atMs, price, arrival } = before ?? freshPacing;
  const silent: ArrivalEvidence = { type: 'silent', expectedEnds: news.silentEnds };
  // What came is the better evidence, so it has the last word.
  const arrivals = news.silentEnds === 0 ? news.arrivals : [silent, ...news.arrivals];
  return {
    v: 1,
    // The store's clock may have been set back; a time in the future would stop the price.
    atMs: nowMs,
    price: nextPrice(price, news.permitted, nowMs - atMs),
    arrival: arrivals.reduce((known, evidence) => learnArrival(known, evidence), arrival),
  };
}

/** Which limit holds now: what is set, what headers showed, what 429s taught, less what others use. */

import type { AccountState } from './state.ts';
import type { LimiterTerms } from './terms.ts';
import { bucketOf, callsByBucket, startAfterDrop, voidSlots } from './usage.ts';
import { headroomOf, spacingUs } from './spacing.ts';

/** Others' use below this share of the limit is measuring error. */
const foreignNoise = 0.03;
/** Kept free beside others, whose use may grow before it is seen. */
const foreignMargin = 0.04;
/** The least share of the limit that is still used: with less, nothing new would be learnt. */
const floorShare = 0.05;
/** Additive increase of the AIMD: calls a second, each second. */
const increasePerSecond = 0.5;

/** The limit apart from others' use and 429s. 0: none; -1: unknown. */
export function ceilingOf(state: AccountState, terms: LimiterTerms): number {
  if (terms.requests === 0) return 0;
  if (state.learned <= 0) return terms.requests;
  return terms.requests > 0 ? Math.min(terms.requests, state.learned) : state.learned;
}

/** False until headers or 429s have shown a limit, or one was set. */
export function isKnown(state: AccountState, terms: LimiterTerms): boolean {
  return ceilingOf(state, terms) >= 0 || state.cutAtUs > 0;
}

/** Calls a window for the shared grid; 0: no limit. */
export function limitNow(state: AccountState, terms: LimiterTerms, nowUs: number): number {
  const ceiling = ceilingOf(state, terms);
  if (ceiling === 0) return 0;
  if (ceiling < 0) return Math.max(1, Math.floor(state.rate > 0 ? state.rate : terms.initialRequests));
  let limit = ceiling;
  if (state.rate > 0) limit = Math.min(limit, state.rate);
  const foreign = fading(state.foreign, state.foreignAtUs, terms, nowUs);
  if (foreign > ceiling * foreignNoise) limit = Math.min(limit, ceiling - foreign - ceiling * foreignMargin);
  if (state.bucketUntilUs > nowUs) {
    const level = Math.min(1, state.level + (nowUs - state.levelAtUs) / terms.windowUs);
    limit = Math.min(limit, ceiling * Math.min(1, 2 * level));
  }
  return Math.max(1, Math.floor(Math.max(limit, ceiling * floorShare)));
}

export function tokenLimitNow(state: AccountState, terms: LimiterTerms, nowUs: number): number {
  if (terms.tokens === 0 || (terms.tokens < 0 && state.tokensLearned <= 0)) return 0;
  const known = terms.tokens > 0 ? terms.tokens : state.tokensLearned;
  const limit = state.tokensLearned > 0 ? Math.min(known, state.tokensLearned) : known;
  const foreign = fading(state.tokensForeign, state.tokensForeignAtUs, terms, nowUs);
  return Math.max(limit * floorShare, foreign > limit * foreignNoise ? limit - foreign : limit);
}

/** Others' use counts for a third of a window after it was seen, ever less. */
export function fading(amount: number, atUs: number, terms: LimiterTerms, nowUs: number): number {
  return amount * Math.max(0, 1 - (nowUs - atUs) / (terms.windowUs / 3));
}

/** The AIMD's rise: only while calls wait, so that an idle hour does not end in a storm. */
export function riseRate(
  state: AccountState,
  terms: LimiterTerms,
  nowUs: number,
  isAsked: boolean,
  isFull: boolean,
): void {
  const ceiling = ceilingOf(state, terms);
  if (ceiling < 0 && state.rate === 0 && isAsked) state.rate = terms.initialRequests;
  if (state.rate === 0) return;
  const sinceUs = Math.max(0, Math.min(nowUs - state.rateAtUs, 1_000_000));
  state.rateAtUs = nowUs;
  if (isAsked && isFull) {
    const perWindow = (increasePerSecond * terms.windowUs) / 1_000_000;
    state.rate = Math.min(1e9, state.rate + (perWindow * sinceUs) / 1_000_000);
  }
  if (ceiling > 0 && state.rate >= ceiling) state.rate = 0;
}

/** Lays the shared grid out for the limit that holds now; after a drop, waits until the window has room for it. */
export function layOutShared(
  state: AccountState,
  terms: LimiterTerms,
  nowUs: number,
  isShared: (classAtIndex: number) => boolean,
  isThrottled: boolean,
): number {
  const limit = limitNow(state, terms, nowUs);
  const ceiling = ceilingOf(state, terms);
  const before = state.limits[0];
  // What is booked ahead is void then, and must not hold up the start.
  if (isThrottled) voidSlots(state, bucketOf(nowUs, terms) + 1, Infinity);
  // A small drop that others cause is within the margin kept for them; a lower ceiling never is.
  const isDrop = limit > 0 && before > 0 && limit < before;
  const mustWait = isThrottled ? limit > 0 : isDrop && (ceiling !== state.ceiling || limit < 0.9 * before);
  if (mustWait) {
    const calls = limit - headroomOf(limit, terms);
    const startUs = startAfterDrop(callsByBucket(state, isShared), calls, spacingUs(calls, terms), terms);
    state.nextUs[0] = Math.max(state.nextUs[0], startUs);
    state.fencedUntilUs = Math.max(state.fencedUntilUs, startUs);
    // What was given back lies where nothing may go now.
    state.free = [];
    if (isThrottled) {
      const untilUs = Math.min(state.nextUs[0], nowUs + terms.windowUs);
      state.pausedUntilUs = Math.max(state.pausedUntilUs, untilUs);
    }
  }
  if (!isDrop || mustWait) state.limits[0] = limit;
  state.ceiling = ceiling;
  return limit;
}

/** The same for the quota of one class, which only ever changes by configuration. */
export function layOutOwn(state: AccountState, terms: LimiterTerms, classAtIndex: number): number {
  const limit = terms.classRequests[classAtIndex] ?? 0;
  const before = state.limits[classAtIndex + 1] ?? 0;
  if (limit > 0 && limit < before) {
    const cells = callsByBucket(state, (index) => index === classAtIndex);
    const startUs = startAfterDrop(cells, limit, spacingUs(limit, terms), terms);
    state.nextUs[classAtIndex + 1] = Math.max(state.nextUs[classAtIndex + 1] ?? 0, startUs);
  }
  state.limits[classAtIndex + 1] = limit;
  return limit;
}

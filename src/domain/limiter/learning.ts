/** What the provider's answers teach: limits from headers, others' use from what remains, AIMD from bare 429s. */

import { ceilingOf, fading, limitNow } from './limit.ts';
import type { AccountState } from './state.ts';
import type { LimiterTerms } from './terms.ts';
import { callsByBucket, tokenCells, usedBetween } from './usage.ts';

/** One answer of the provider, or the most telling of several. -1 where a header was missing. */
export interface Observation {
  /** When the answer came, on Redis's clock. */
  readonly atUs: number;
  readonly limitRequests: number;
  readonly remainingRequests: number;
  readonly limitTokens: number;
  readonly remainingTokens: number;
  /** 429s since the last observation, with such headers and without. */
  readonly throttles: number;
  readonly bareThrottles: number;
}

/** One cut for all the 429s of calls that were on their way when the first came. */
const cutEveryUs = 2_000_000;
const yieldShare = 0.1;

/** True when a 429 lowered the limit: then nothing may go before the window has room for it. */
export function learn(
  state: AccountState,
  terms: LimiterTerms,
  nowUs: number,
  seen: Observation,
  isShared: (classAtIndex: number) => boolean,
): boolean {
  if (seen.limitRequests > 0) {
    if (ceilingOf(state, terms) < 0) state.rate = 0;
    learnLimit(state, terms, nowUs, seen.limitRequests);
    if (seen.remainingRequests >= 0) learnUse(state, terms, nowUs, seen, isShared);
  }
  if (seen.limitTokens > 0) {
    state.tokensLearned = seen.limitTokens;
    if (seen.remainingTokens >= 0) learnTokenUse(state, terms, nowUs, seen);
  }
  let isLower = false;
  if (seen.throttles > 0 && nowUs - state.yieldedAtUs >= cutEveryUs)
    isLower = yieldSome(state, terms, nowUs, seen);
  if (seen.bareThrottles > 0 && nowUs - state.cutAtUs >= cutEveryUs && ceilingOf(state, terms) !== 0) {
    // Where calls went freely, it came of so many of them.
    const isFirst = ceilingOf(state, terms) < 0 && state.rate === 0;
    const sent = usedBetween(callsByBucket(state, isShared), nowUs - terms.windowUs, nowUs, terms);
    const before = isFirst ? Math.max(sent, terms.initialRequests / 10) : limitNow(state, terms, nowUs);
    state.rate = Math.max(1, before * 0.7);
    state.rateAtUs = nowUs;
    state.cutAtUs = nowUs;
    isLower = true;
  }
  return isLower;
}

/**
 * A 429 while we kept the limit: others want more than we leave them. A full window shows nothing of what they would
 * take, so some is given up, and what they make of it is seen in the next headers.
 */
function yieldSome(state: AccountState, terms: LimiterTerms, nowUs: number, seen: Observation): boolean {
  state.yieldedAtUs = nowUs;
  if (seen.limitRequests > 0 && seen.remainingRequests <= 0.02 * seen.limitRequests) {
    const known = fading(state.foreign, state.foreignAtUs, terms, nowUs);
    state.foreign = Math.min(seen.limitRequests, known + yieldShare * seen.limitRequests);
    state.foreignAtUs = nowUs;
    return true;
  }
  if (seen.limitTokens > 0) {
    const known = fading(state.tokensForeign, state.tokensForeignAtUs, terms, nowUs);
    state.tokensForeign = Math.min(seen.limitTokens, known + yieldShare * seen.limitTokens);
    state.tokensForeignAtUs = nowUs;
  }
  return false;
}

/** A lower limit holds at once; a higher one when the lower was not seen for a while: models may differ. */
function learnLimit(state: AccountState, terms: LimiterTerms, nowUs: number, limit: number): void {
  const isLower = state.learned <= 0 || limit <= state.learned;
  if (!isLower && nowUs - state.learnedAtUs <= terms.windowUs / 6) return;
  state.learned = limit;
  state.learnedAtUs = nowUs;
}

function learnUse(
  state: AccountState,
  terms: LimiterTerms,
  nowUs: number,
  seen: Observation,
  isShared: (classAtIndex: number) => boolean,
): void {
  const used = seen.limitRequests - seen.remainingRequests;
  const own = usedBetween(callsByBucket(state, isShared), seen.atUs - terms.windowUs, seen.atUs, terms);
  // It remembers far less than we sent in the window, so it refills as it goes: how full it is tells of the others. Some
  // of our slots may have gone unused, so a little less proves nothing; nor does one that is full of what was sent under a
  // higher limit, since it cannot show more than its limit.
  const forgets = own > 0.5 * seen.limitRequests && used < 0.3 * own && seen.remainingRequests > 0;
  if (forgets) state.bucketUntilUs = nowUs + 10 * terms.windowUs;
  if (state.bucketUntilUs > nowUs) {
    state.level = seen.remainingRequests / seen.limitRequests;
    state.levelAtUs = seen.atUs;
    return;
  }
  const foreign = Math.max(0, used - own);
  if (foreign >= fading(state.foreign, state.foreignAtUs, terms, nowUs)) {
    state.foreign = foreign;
    state.foreignAtUs = nowUs;
  }
}

function learnTokenUse(state: AccountState, terms: LimiterTerms, nowUs: number, seen: Observation): void {
  const cells = tokenCells(state).map(({ bucket, tokens }) => ({ bucket, amount: tokens }));
  const own = usedBetween(cells, seen.atUs - terms.windowUs, seen.atUs, terms);
  const foreign = Math.max(0, seen.limitTokens - seen.remainingTokens - own);
  if (foreign >= fading(state.tokensForeign, state.tokensForeignAtUs, terms, nowUs)) {
    state.tokensForeign = foreign;
    state.tokensForeignAtUs = nowUs;
  }
}

/** The token quota: an estimate is reserved at create, and settled by what the run used. */

import type { Answer, Ask } from './booking.ts';
import { tokenLimitNow } from './limit.ts';
import type { AccountState } from './state.ts';
import type { LimiterTerms } from './terms.ts';
import { addTokens, bucketOf, bucketUs, tokenCells } from './usage.ts';

/** Of the sums, at each settlement: about the latest sixteen count. */
const remembered = 15 / 16;

/** Null when the tokens are there (or nobody counts them); else when to come back. */
export function waitForTokens(
  state: AccountState,
  terms: LimiterTerms,
  nowUs: number,
  ask: Ask,
): Extract<Answer, { type: 'later' }> | null {
  const limit = tokenLimitNow(state, terms, nowUs);
  if (ask.tokens <= 0 || limit <= 0) return null;
  unreserve(state, ask.id, nowUs);
  const isNext = state.holdUntilUs <= nowUs || state.holdId === ask.id;
  // More than a whole window's worth never fits: it goes alone, and the provider says what it thinks of it.
  const own = toReserve(state, ask, limit);
  const need = Math.min(own + (isNext ? 0 : state.holdTokens), limit);
  const freeAtUs = tokensFreeAt(state, terms, nowUs, limit - need);
  if (freeAtUs <= nowUs) {
    if (state.holdId === ask.id) state.holdUntilUs = 0;
    return null;
  }
  const gapUs = gapOf(state, terms, ask.tokens, limit);
  state.tokensGapUs = gapUs;
  const soonUs = nowUs + soonOf(terms, gapUs);
  if (ask.kind === 'returning' && isNext) {
    const atUs = Math.min(freeAtUs, soonUs);
    state.holdId = ask.id;
    state.holdTokens = Math.min(own, limit);
    state.holdUntilUs = atUs + bucketUs(terms) * 3;
    return { type: 'later', atUs, reason: 'tokens' };
  }
  return { type: 'later', atUs: place(state, terms, nowUs, ask, soonUs, gapUs), reason: 'tokens' };
}

/**
 * The next place in the queue for tokens: one queue for those that come first, one for those that came back in vain.
 * Places lie apart by what a create is found to use and not by what it reserves, so that what is settled is used.
 */
function place(
  state: AccountState,
  terms: LimiterTerms,
  nowUs: number,
  ask: Ask,
  soonUs: number,
  gapUs: number,
): number {
  const queue = ask.kind === 'returning' ? 'tokensAgainUs' : 'tokensFreshUs';
  const atUs = Math.max(state[queue], soonUs);
  const farthestUs = nowUs + terms.horizonUs;
  if (atUs > farthestUs) return farthestUs;
  state[queue] = atUs + gapUs;
  return atUs;
}

function gapOf(state: AccountState, terms: LimiterTerms, tokens: number, limit: number): number {
  const ratio = ratioOf(state);
  return Math.ceil(Math.min(terms.windowUs, (tokens * ratio * terms.windowUs) / limit));
}

/** What creates use of what they ask for. Taken low at first: to come in vain costs little, to come late wastes tokens. */
function ratioOf({ tokensUsed, tokensAsked }: AccountState): number {
  return tokensAsked > 0 ? Math.max(0.05, tokensUsed / tokensAsked) : 0.25;
}

/** The estimate, or more where creates are found to use more: a request may not say how long its output may get. */
function toReserve(state: AccountState, ask: Ask, limit: number): number {
  const scaled = limit > 0 ? Math.min(limit, Math.ceil(ask.tokens * ratioOf(state))) : 0;
  return Math.max(ask.tokens, scaled);
}

/** How soon it is worth asking again: something may have been settled by then. */
function soonOf(terms: LimiterTerms, gapUs: number): number {
  return Math.min(Math.max(gapUs, bucketUs(terms)), 3 * bucketUs(terms));
}

/** Creates that wait for tokens; an estimate. */
export function queuedForTokens(state: AccountState, terms: LimiterTerms, nowUs: number): number {
  const gapUs = state.tokensGapUs;
  const count = (untilUs: number): number =>
    untilUs <= nowUs ? 0 : Math.max(1, Math.round((untilUs - nowUs - soonOf(terms, gapUs)) / gapUs));
  return count(state.tokensFreshUs) + count(state.tokensAgainUs) + (state.holdUntilUs > nowUs ? 1 : 0);
}

/** When at most `atMost` tokens are left in the window (and booked ahead). */
export function tokensFreeAt(
  state: AccountState,
  terms: LimiterTerms,
  nowUs: number,
  atMost: number,
): number {
  const cells = tokenCells(state).filter((cell) => leavesUs(cell.bucket, terms) > nowUs);
  let left = cells.reduce((sum, cell) => sum + cell.tokens, 0);
  let atUs = nowUs;
  for (const cell of cells) {
    if (left <= atMost) break;
    left -= cell.tokens;
    atUs = leavesUs(cell.bucket, terms);
  }
  return atUs;
}

function leavesUs(bucket: number, terms: LimiterTerms): number {
  return (bucket + 1) * bucketUs(terms) + terms.windowUs + terms.jitterUs;
}

/** A reservation needs no owner to end: it leaves with its bucket. */
export function reserve(
  state: AccountState,
  terms: LimiterTerms,
  nowUs: number,
  ask: Ask,
  slotUs: number,
): void {
  const bucket = bucketOf(slotUs, terms);
  const tokens = toReserve(state, ask, tokenLimitNow(state, terms, nowUs));
  addTokens(state, bucket, tokens);
  const expiresAtUs = leavesUs(bucket, terms);
  state.reservations.set(ask.id, { bucket, tokens, expiresAtUs, asked: ask.tokens });
}

/** Gives back what a call that asks again had reserved before. */
function unreserve(state: AccountState, id: string, nowUs: number): void {
  settleTokens(state, id, 0, nowUs);
}

/** In sums, so that one small request with a long answer does not make all others look long. */
function learnUse(state: AccountState, used: number, asked: number): void {
  state.tokensUsed = state.tokensUsed * remembered + used;
  state.tokensAsked = state.tokensAsked * remembered + asked;
}

/** What the call used counts from now on instead of the estimate. Once only; too late, it changes nothing. */
export function settleTokens(state: AccountState, id: string, used: number, nowUs: number): void {
  const reservation = state.reservations.get(id);
  if (reservation === undefined) return;
  state.reservations.delete(id);
  if (reservation.expiresAtUs <= nowUs) return;
  // Nothing used means that there was no call.
  if (used > 0) learnUse(state, used, reservation.asked);
  addTokens(state, reservation.bucket, used - reservation.tokens);
}

/** The token quota: an estimate is reserved at create, and settled by what the run used. */

import type { Answer, Ask } from './booking.ts';
import { tokenLimitNow } from './limit.ts';
import type { AccountState } from './state.ts';
import type { LimiterTerms } from './terms.ts';
import { addTokens, bucketOf, bucketUs, tokenCells } from './usage.ts';

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
  const need = Math.min(ask.tokens + (isNext ? 0 : state.holdTokens), limit);
  const freeAtUs = tokensFreeAt(state, terms, nowUs, limit - need);
  if (freeAtUs <= nowUs) {
    if (state.holdId === ask.id) state.holdUntilUs = 0;
    return null;
  }
  if (ask.kind === 'returning' && isNext) {
    state.holdId = ask.id;
    state.holdTokens = Math.min(ask.tokens, limit);
    state.holdUntilUs = freeAtUs + bucketUs(terms) * 3;
  }
  return { type: 'later', atUs: freeAtUs, reason: 'tokens' };
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
export function reserve(state: AccountState, terms: LimiterTerms, ask: Ask, slotUs: number): void {
  const bucket = bucketOf(slotUs, terms);
  addTokens(state, bucket, ask.tokens);
  state.reservations.set(ask.id, { bucket, tokens: ask.tokens, expiresAtUs: leavesUs(bucket, terms) });
}

/** Gives back what a call that asks again had reserved before. */
function unreserve(state: AccountState, id: string, nowUs: number): void {
  settleTokens(state, id, 0, nowUs);
}

/** What the call used counts from now on instead of the estimate. Once only; too late, it changes nothing. */
export function settleTokens(state: AccountState, id: string, used: number, nowUs: number): void {
  const reservation = state.reservations.get(id);
  if (reservation === undefined) return;
  state.reservations.delete(id);
  if (reservation.expiresAtUs <= nowUs) return;
  addTokens(state, reservation.bucket, used - reservation.tokens);
}

/** Counts of slots by time, in a ring: what was used of the window, and when it leaves it. */

import type { AccountState, TokenCell, UsageCell } from './state.ts';
import type { LimiterTerms } from './terms.ts';

/** Sixty cells for the window that has passed, the rest for slots that are booked ahead. */
export const ringCells = 80;

export function bucketUs(terms: Pick<LimiterTerms, 'windowUs'>): number {
  return Math.ceil(terms.windowUs / 60);
}

export function bucketOf(atUs: number, terms: LimiterTerms): number {
  return Math.floor(atUs / bucketUs(terms));
}

export function countCalls(
  state: AccountState,
  terms: LimiterTerms,
  classAtIndex: number,
  slotUs: number,
  count = 1,
): void {
  const bucket = bucketOf(slotUs, terms);
  const at = bucket % ringCells;
  const cell = state.usage.get(at);
  const calls: UsageCell['calls'] = cell?.bucket === bucket ? [...cell.calls] : [0, 0, 0, 0, 0];
  calls[classAtIndex] = (calls[classAtIndex] ?? 0) + count;
  state.usage.set(at, { bucket, calls });
}

/** Slots that will not be used count no more. */
export function voidSlots(state: AccountState, firstBucket: number, lastBucket: number): void {
  for (const [at, { bucket }] of state.usage)
    if (bucket >= firstBucket && bucket <= lastBucket)
      state.usage.set(at, { bucket, calls: [0, 0, 0, 0, 0] });
}

/** Calls of the classes that `inGrid` names, by bucket, latest first. */
export function callsByBucket(
  state: AccountState,
  inGrid: (classAtIndex: number) => boolean,
): { readonly bucket: number; readonly amount: number }[] {
  const cells = [...state.usage.values()].map(({ bucket, calls }) => ({
    bucket,
    amount: calls.reduce((sum, count, index) => (inGrid(index) ? sum + count : sum), 0),
  }));
  return cells.sort((a, b) => b.bucket - a.bucket);
}

/** What was used in the window that ends at `atUs`; whole buckets, so about a sixtieth too much or too little. */
export function usedBetween(
  cells: readonly { readonly bucket: number; readonly amount: number }[],
  fromUs: number,
  atUs: number,
  terms: LimiterTerms,
): number {
  const first = Math.ceil(fromUs / bucketUs(terms));
  const last = bucketOf(atUs, terms);
  return cells.reduce(
    (sum, { bucket, amount }) => (bucket >= first && bucket <= last ? sum + amount : sum),
    0,
  );
}

/**
 * The earliest start from which slots `spacing` apart keep every window within `calls`, given those that are out.
 * At each moment `x` at which some leave: `old(x) + (x − start)/T + 1 ≤ calls`.
 */
export function startAfterDrop(
  cells: readonly { readonly bucket: number; readonly amount: number }[],
  calls: number,
  spacing: number,
  terms: LimiterTerms,
): number {
  let start = 0;
  let old = 0;
  for (const { bucket, amount } of cells) {
    if (amount === 0) continue;
    old += amount;
    const leavesUs = (bucket + 1) * bucketUs(terms) + terms.windowUs + terms.jitterUs;
    start = Math.max(start, leavesUs - Math.max(0, calls - old - 1) * spacing);
  }
  return start;
}

export function tokenCells(state: AccountState): TokenCell[] {
  return [...state.tokenUse.values()].sort((a, b) => a.bucket - b.bucket);
}

export function addTokens(state: AccountState, bucket: number, tokens: number): void {
  const at = bucket % ringCells;
  const cell = state.tokenUse.get(at);
  if (cell !== undefined && cell.bucket > bucket) return;
  const before = cell?.bucket === bucket ? cell.tokens : 0;
  state.tokenUse.set(at, { bucket, tokens: Math.max(0, before + tokens) });
}

/**
 * The spacing that makes every window hold.
 *
 * Slots lie at least `T` apart. A call with slot `s` arrives within `[s, s + J]`, so the calls that arrive in a window
 * `W` have slots within `W + J`, and there are at most `⌊(W + J)/T⌋ + 1` of those. With `T = W/(N·(1 − J/W))` that is
 * `⌊N·(1 − (J/W)²)⌋ + 1 ≤ N`: never above, whatever the arrivals. `N` is the limit less the headroom for urgent calls.
 */

import type { LimiterTerms } from './terms.ts';

/** One call is no more than two thirds of a per cent of such a limit. */
const leastForOneAhead = 150;

/** Urgent calls that may be ahead of the grid at any time; each pays with a slot of the grid later. */
export function headroomOf(limit: number, { headroomShare }: Pick<LimiterTerms, 'headroomShare'>): number {
  const least = headroomShare > 0 && limit >= leastForOneAhead ? 1 : 0;
  return Math.max(least, Math.floor(limit * headroomShare));
}

/** Microseconds between slots for `calls` a window; whole, so that adding them up never rounds down. */
export function spacingUs(calls: number, terms: Pick<LimiterTerms, 'windowUs' | 'jitterUs'>): number {
  const { windowUs, jitterUs } = terms;
  return Math.ceil((windowUs * windowUs) / (calls * (windowUs - jitterUs)));
}

/** How far ahead slots are given out: at least some dozens of slots, so that a trip can ask for several. */
export function reachUs(spacing: number, terms: Pick<LimiterTerms, 'bookUs' | 'windowUs'>): number {
  return Math.ceil(Math.min(Math.max(terms.bookUs, 40 * spacing), 3 * terms.bookUs, terms.windowUs / 10));
}

/**
 * The spacing that makes every window hold.
 *
 * Slots lie at least `T` apart. A call with slot `s` arrives within `[s, s + J]`, so the calls that arrive in a window
 * `W` have slots within `W + J`, and there are at most `⌊(W + J)/T⌋ + 1` of those. With `T = W/(N·(1 − J/W))` that is
 * `⌊N·(1 − (J/W)²)⌋ + 1 ≤ N`: never above, whatever the arrivals. `N` is the limit less the headroom for urgent calls.
 */

import type { LimiterTerms } from './terms.ts';

/** Urgent calls that may be ahead of the grid at any time; each pays with a slot of the grid later. */
export function headroomOf(limit: number, terms: Pick<LimiterTerms, 'headroomShare'>): number {
  return Math.floor(limit * terms.headroomShare);
}

/** Microseconds between slots for `calls` a window; whole, so that adding them up never rounds down. */
export function spacingUs(calls: number, terms: Pick<LimiterTerms, 'windowUs' | 'jitterUs'>): number {
  const { windowUs, jitterUs } = terms;
  return Math.ceil((windowUs * windowUs) / (calls * (windowUs - jitterUs)));
}

/** How far ahead slots are given out: at least some dozens of slots, so that a trip can ask for several. */
export function reachUs(spacing: number, terms: Pick<LimiterTerms, 'bookUs' | 'windowUs'>): number {
  return Math.ceil(Math.min(Math.max(terms.bookUs, 40 * spacing), 2.5 * terms.bookUs, terms.windowUs / 16));
}

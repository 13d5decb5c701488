/** One call's slot on its grid, or the time to come back. */

import { isUrgent, classAt } from './classes.ts';
import { countCalls } from './usage.ts';
import type { AccountState } from './state.ts';
import type { LimiterTerms } from './terms.ts';

/** `fresh`: asks for the first time. `returning`: comes back at the time it was told, so it goes first. */
export type AskKind = 'fresh' | 'returning';
export const askKinds: readonly AskKind[] = ['fresh', 'returning'];

export interface Ask {
  readonly classIndex: number;
  readonly kind: AskKind;
  /** Tokens to reserve, under `id`; 0 for none. */
  readonly tokens: number;
  readonly id: string;
}

export type Answer =
  | { readonly type: 'slot'; readonly atUs: number }
  | { readonly type: 'later'; readonly atUs: number; readonly reason: 'quota' | 'paused' | 'tokens' }
  /** The queue reaches further than anybody can tell: ask afresh then. Nothing was reserved nor written. */
  | { readonly type: 'far'; readonly atUs: number; readonly reason: 'quota' | 'paused' };

/** The grid that a call's slot lies on. */
export interface Grid {
  /** 0: shared; else the class index plus one. -1: the class is not limited. */
  readonly at: number;
  readonly spacingUs: number;
  readonly reachUs: number;
  readonly headroom: number;
  /** How far places reach. */
  readonly horizonUs: number;
}

export function book(
  state: AccountState,
  terms: LimiterTerms,
  nowUs: number,
  grid: Grid,
  ask: Ask,
  shares: { readonly active: number; readonly own: number },
): Answer {
  const c = ask.classIndex;
  if (state.pausedUntilUs > nowUs) return later(state, nowUs, grid, ask, state.pausedUntilUs, 'paused');
  if (grid.at < 0) return slot(state, terms, c, nowUs);
  if (isUrgent(classAt(c))) return bookUrgent(state, terms, nowUs, grid, ask);
  const startUs = earliestSlot(state, grid, nowUs);

  const gapUs = grid.at === 0 ? Math.ceil(grid.spacingUs * (shares.active / shares.own)) : grid.spacingUs;
  state.gapUs[c] = gapUs;
  const queued = (state.freshUs[c] ?? 0) > nowUs;
  const limitUs = nowUs + reachOf(state, nowUs, grid, ask);
  if (startUs > limitUs) {
    // A little later than need be: when it comes, there is room for several.
    return later(state, nowUs, grid, ask, nowUs + (startUs - limitUs) + grid.reachUs / 4, 'quota');
  }
  // Those who were told to come back go first, unless slots are about to be wasted.
  if (ask.kind === 'fresh' && queued && startUs > nowUs + 0.9 * grid.reachUs)
    return later(state, nowUs, grid, ask, nowUs, 'quota');

  takeSlot(state, grid, startUs);
  if (grid.at === 0) {
    // Capped, so that a class is not made to pay for long for what nobody else wanted.
    const aheadUs = Math.min(Math.max(state.shareUs[c] ?? 0, nowUs), nowUs + 1.5 * grid.reachUs);
    state.shareUs[c] = aheadUs + gapOfShare(grid, terms, c);
  }
  return slot(state, terms, c, startUs);
}

/** One that was given back, else the next of the grid. */
function earliestSlot(state: AccountState, grid: Grid, nowUs: number): number {
  const frontierUs = Math.max(state.nextUs[grid.at] ?? 0, nowUs);
  if (grid.at !== 0) return frontierUs;
  while (state.free.length > 0 && (state.free[0] ?? 0) < nowUs) state.free.shift();
  return Math.min(state.free[0] ?? frontierUs, frontierUs);
}

function takeSlot(state: AccountState, grid: Grid, slotUs: number): void {
  if (grid.at === 0 && state.free[0] === slotUs) state.free.shift();
  else state.nextUs[grid.at] = slotUs + grid.spacingUs;
}

/** How far ahead this ask may book: within its guaranteed share further than beyond it. */
function reachOf(state: AccountState, nowUs: number, grid: Grid, ask: Ask): number {
  const withinShare = grid.at === 0 && (state.shareUs[ask.classIndex] ?? 0) <= nowUs + grid.reachUs;
  if (withinShare) return 2.5 * grid.reachUs;
  return ask.kind === 'fresh' ? grid.reachUs : 1.5 * grid.reachUs;
}

function gapOfShare(grid: Grid, terms: LimiterTerms, c: number): number {
  const sum = terms.weights.reduce((total, weight) => total + weight, 0);
  return Math.ceil(grid.spacingUs * (sum / (terms.weights[c] ?? 1)));
}

/**
 * Ahead of the grid while there is headroom: it goes now and pays with the next free slot. At the end of any window
 * at most `headroom` of those are unpaid, and the grid is laid out for the limit less the headroom.
 */
function bookUrgent(state: AccountState, terms: LimiterTerms, nowUs: number, grid: Grid, ask: Ask): Answer {
  const startUs = earliestSlot(state, grid, nowUs);
  const mayPass = grid.at === 0 && startUs > nowUs + grid.spacingUs && state.fencedUntilUs <= nowUs;
  if (mayPass && state.debts.length < grid.headroom) {
    state.debts.push(startUs);
    takeSlot(state, grid, startUs);
    return slot(state, terms, ask.classIndex, nowUs);
  }
  const limitUs = nowUs + 3 * grid.reachUs;
  if (startUs > limitUs) {
    state.gapUs[ask.classIndex] = grid.spacingUs;
    return later(state, nowUs, grid, ask, nowUs + (startUs - limitUs), 'quota');
  }
  takeSlot(state, grid, startUs);
  return slot(state, terms, ask.classIndex, startUs);
}

function slot(state: AccountState, terms: LimiterTerms, c: number, atUs: number): Answer {
  countCalls(state, terms, c, atUs);
  return { type: 'slot', atUs };
}

/** The next time of the class's queue: one for those that come first, one for those that came back in vain. */
function later(
  state: AccountState,
  nowUs: number,
  grid: Grid,
  ask: Ask,
  notBeforeUs: number,
  reason: 'quota' | 'paused',
): Answer {
  const c = ask.classIndex;
  const queue = ask.kind === 'returning' ? state.againUs : state.freshUs;
  const atUs = Math.max(queue[c] ?? 0, notBeforeUs, nowUs);
  const farthestUs = Math.max(nowUs, state.pausedUntilUs) + grid.horizonUs;
  if (atUs > farthestUs) return { type: 'far', atUs: farthestUs, reason };
  queue[c] = atUs + (grid.at < 0 ? 0 : Math.max(state.gapUs[c] ?? 0, grid.spacingUs));
  return { type: 'later', atUs, reason };
}

/**
 * A run that we have word of: a webhook said that it has news. Its look goes first, and when the answer does not show the
 * news yet (one host took half a minute), it is asked again soon, and not when its schedule would.
 */

import { backoffDelayMs } from './poll-schedule.ts';
import type { DecideContext } from './decision.ts';
import type { FollowingState, Word } from './run.ts';

/** A stream that wakes a run will wake it again; a webhook comes once. */
export function withWord(state: FollowingState, by: string | null, nowMs: number): FollowingState {
  return by === 'webhook' ? { ...state, word: { by, atMs: nowMs, looks: 0 } } : state;
}

export function withoutWord(state: FollowingState): FollowingState {
  const { word: _word, ...rest } = state;
  return rest;
}

/** A look was answered, and the run is still going. */
export function wordAfterLook(word: Word | undefined, { nowMs, policy }: DecideContext): { word?: Word } {
  if (word === undefined || nowMs - word.atMs >= policy.wordGraceMs) return {};
  return { word: { ...word, looks: word.looks + 1 } };
}

/** How long to wait before the provider is asked again; null when there is no word to wait on. */
export function soonMs({ word }: FollowingState, { policy, random }: DecideContext): number | null {
  return word === undefined ? null : backoffDelayMs(policy.wordBackoff, word.looks - 1, random);
}

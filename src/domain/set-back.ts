/** What a run remembers when the clock has been set back since, or a worker's clock is ahead of ours. */

import type { EndedState, RunState } from './run.ts';

/**
 * No moment that the state remembers lies ahead: else a grace, a quarantine or a gap that is counted from it would last
 * until the clock is there again.
 */
export function withoutFuture<S extends Exclude<RunState, EndedState>>(state: S, nowMs: number): S {
  return { ...state, ...stampsOf(state, nowMs) };
}

function stampsOf(state: Exclude<RunState, EndedState>, nowMs: number): Partial<RunState> {
  switch (state.phase) {
    case 'accepted':
      return {};
    case 'creating':
      return { intentAtMs: Math.min(state.intentAtMs, nowMs) };
    case 'following':
    case 'fetching':
      return {
        startedAtMs: Math.min(state.startedAtMs, nowMs),
        lastLookAtMs: Math.min(state.lastLookAtMs, nowMs),
        troubleSinceMs: state.troubleSinceMs === null ? null : Math.min(state.troubleSinceMs, nowMs),
      };
    default: {
      const never: never = state;
      return never;
    }
  }
}

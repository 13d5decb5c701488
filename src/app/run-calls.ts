/** What the calls of a run ask of the quota, and where they go. */

import type { RunCall } from '../domain/decision.ts';
import type { CallClass } from '../domain/limiter/classes.ts';
import type { RunState } from '../domain/run.ts';
import type { ProviderRef } from '../domain/snapshot.ts';

export function classOf(call: RunCall): CallClass {
  switch (call) {
    case 'create':
    case 'submit':
    case 'cancel':
      return call;
    case 'retrieve':
    case 'adopt':
    case 'resume':
      return 'look';
    case 'find':
    case 'fetchOutput':
      return 'other';
    default: {
      const never: never = call;
      return never;
    }
  }
}

/** Of a run whose create was not answered: the id that may be its own. */
export function candidateOf(state: RunState): ProviderRef {
  if (state.phase === 'creating' && state.candidate !== undefined)
    return { providerRunId: state.candidate, threadId: null };
  throw new Error(`A run that is ${state.phase} has no candidate.`);
}

/** Throws for a run that has no id at its provider. */
export function refOf(state: RunState): ProviderRef {
  if (state.phase === 'following' || state.phase === 'fetching') return state;
  if (state.phase === 'creating' && state.continues !== undefined) return state.continues;
  throw new Error(`A run that is ${state.phase} has no id at the provider.`);
}

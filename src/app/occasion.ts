/** Why a step takes place: what was left for its run since the last one. */

import type { RunEvent } from '../domain/decision.ts';
import type { FoundBy, RunState } from '../domain/run.ts';
import type { Activation } from '../ports/run-store.ts';

export interface Occasion {
  readonly event: Extract<RunEvent, { type: 'activated' }>;
  /** Who told us to look, for the record. */
  readonly foundBy: FoundBy;
}

/** Throws what the store throws. */
export async function occasionOf(activation: Activation): Promise<Occasion> {
  const { wokenBy: by, cancelRequestedAtMs, candidate } = await activation.takeSignals();
  // A stream that woke us may only have broken: an end that it told comes by itself.
  const told = by === 'webhook' ? by : null;
  return {
    event: {
      type: 'activated',
      wokenBy: by === 'tools' || by === 'stream' ? by : told,
      cancelRequestedAtMs,
      ...(candidate === undefined ? {} : { candidate }),
      ...(await laneTurn(activation)),
    },
    // An id that nobody knew comes by a webhook.
    foundBy: told ?? wordOf(activation.state) ?? (candidate === undefined ? 'poll' : 'webhook'),
  };
}

/** Asked for before the create alone: a run that has started holds its lane until it ends. */
async function laneTurn(activation: Activation): Promise<{ turn?: 'free' | 'busy' }> {
  if (activation.spec.lane === null || activation.state.phase !== 'accepted') return {};
  return { turn: await activation.takeTurn() };
}

/** Whoever told of the run that this step looks at; its look may have waited meanwhile. */
function wordOf(state: RunState): FoundBy | null {
  if (state.phase === 'creating' && (state.candidate ?? state.missed) !== undefined) return 'webhook';
  return state.phase === 'following' ? (state.word?.by ?? null) : null;
}

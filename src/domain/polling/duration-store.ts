/** What a fleet shares of its durations. A proposal for a port: types alone. */

import type { CountsIncrement, CountsSnapshot } from './decayed-counts.ts';

export interface ClassSnapshot {
  readonly slow: CountsSnapshot;
  readonly fast: CountsSnapshot;
}

/** One observation's part in one class. */
export interface ClassIncrement {
  readonly classKey: string;
  readonly slow: CountsIncrement;
  readonly fast: CountsIncrement;
}

/**
 * The durations that the fleet has seen, by class.
 *
 * Advisory: fails open. A read that fails leaves a worker with what it knows (at worst the prior), a lost `add` is an
 * observation less, and a snapshot may be minutes old. Neither is ever waited for by a run.
 */
export interface DurationStore {
  /** In the order asked; null for a class that nobody has observed. */
  read(classKeys: readonly string[]): Promise<readonly (ClassSnapshot | null)[]>;
  /** Additions commute: no lock, no order. */
  add(increments: readonly ClassIncrement[]): Promise<void>;
}

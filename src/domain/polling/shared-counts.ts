/** What a fleet shares of the durations that it has seen. */

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

/** Of a class that nobody has observed. */
export const emptySnapshot: ClassSnapshot = {
  slow: { clock: 0, current: [], previous: [] },
  fast: { clock: 0, current: [], previous: [] },
};

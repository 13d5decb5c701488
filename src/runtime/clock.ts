import { v7 } from 'uuid';
import type { Clock, Randomness } from '../ports/clock.ts';

export const systemClock: Clock = { nowMs: () => Date.now() };

export const systemRandomness: Randomness = {
  next: () => Math.random(),
  // UUID v7: its time comes first, so ids sort as runs were accepted.
  runId: (nowMs) => `run_${v7({ msecs: nowMs }).replaceAll('-', '')}`,
};

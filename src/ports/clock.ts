/** Wall clock, milliseconds since the epoch. Never fails. */
export interface Clock {
  nowMs(): number;
}

/** Randomness for jitter and ids. Never fails. */
export interface Randomness {
  /** A draw from [0, 1). */
  next(): number;
  /** A new run id: unique, sortable by time, and fit for a BullMQ job id (no `:`, no integer). */
  runId(nowMs: number): string;
}

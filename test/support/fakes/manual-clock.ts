import type { Clock } from '../../../src/ports/clock.ts';

/** A clock that stands still until it is told to move. */
export class ManualClock implements Clock {
  private ms: number;

  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.ms = startMs;
  }

  nowMs(): number {
    return this.ms;
  }

  advance(byMs: number): void {
    if (!(byMs >= 0)) throw new RangeError(`The clock cannot go back by ${byMs} ms.`);
    this.ms += byMs;
  }

  /** Moves to `ms`, unless it is there already. */
  reach(ms: number): void {
    this.ms = Math.max(this.ms, ms);
  }
}

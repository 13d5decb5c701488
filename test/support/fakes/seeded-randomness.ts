import type { Randomness } from '../../../src/ports/clock.ts';

/** The same draws for the same seed (mulberry32); ids sort by time, then by the order they were drawn in. */
export class SeededRandomness implements Randomness {
  private seed: number;
  private drawn = 0;

  constructor(seed = 1) {
    this.seed = seed;
  }

  next(): number {
    this.seed = (this.seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  runId(nowMs: number): string {
    this.drawn += 1;
    const time = Math.trunc(nowMs).toString(36).padStart(9, '0');
    return `run-${time}-${String(this.drawn).padStart(6, '0')}`;
  }
}

/**
 * Counters that forget, at the price of an addition: instead of shrinking the old weights at every observation, each
 * new one weighs more (growing weights). Additions commute, so many workers may write at once, and a lost write is
 * one observation less.
 *
 * The weights would outgrow a double, so time is cut into epochs of 64 half-lives that each start at weight 1.
 * What is older than the epoch before the current one has decayed to nothing.
 */

/** Counter index → weight. */
export type SparseWeights = readonly (readonly [index: number, weight: number])[];

/** One observation, ready to be added to what others write at the same time. */
export interface CountsIncrement {
  readonly epoch: number;
  /** The clock that the weights were made for: they mean nothing to counters whose clock has not come that far. */
  readonly clock: number;
  /** How far the clock moves, in half-lives. */
  readonly clockStep: number;
  readonly weights: SparseWeights;
}

/** All that is kept of one set of counters. */
export interface CountsSnapshot {
  /** Half-lives since the beginning. */
  readonly clock: number;
  readonly current: SparseWeights;
  /** The epoch before the clock's. */
  readonly previous: SparseWeights;
}

export const halfLivesAnEpoch = 64;

export function epochOf(clock: number): number {
  return Math.floor(clock / halfLivesAnEpoch);
}

export class DecayedCounts {
  private readonly halfLife: number;
  private readonly length: number;
  private clock = 0;
  private epoch = 0;
  private current: Float64Array;
  private previous: Float64Array;

  /** `halfLife` in observations; `length` counters. */
  constructor(halfLife: number, length: number) {
    this.halfLife = halfLife;
    this.length = length;
    this.current = new Float64Array(length);
    this.previous = new Float64Array(length);
  }

  /** What an observation adds whose shares are given; it ages all others by `age`. Changes nothing: `add` does. */
  increment(shares: SparseWeights, age: number): CountsIncrement {
    const clockStep = age / this.halfLife;
    const clock = this.clock + clockStep;
    const epoch = epochOf(clock);
    const weight = 2 ** (clock - epoch * halfLivesAnEpoch);
    return {
      epoch,
      clock,
      clockStep,
      weights: shares.map(([index, share]) => [index, share * weight] as const),
    };
  }

  add(increment: CountsIncrement): void {
    this.clock += increment.clockStep;
    this.turnTo(Math.max(increment.epoch, epochOf(this.clock)));
    // An increment that was made two epochs ago weighs nothing now.
    if (increment.epoch === this.epoch) addTo(this.current, increment.weights);
    else if (increment.epoch === this.epoch - 1) addTo(this.previous, increment.weights);
  }

  /** All observations since the beginning. */
  observations(): number {
    return this.clock * this.halfLife;
  }

  /** The counters as of now: the newest observation weighs 1. */
  weights(): Float64Array {
    // Another worker's increment can be of an epoch that our own clock has not reached.
    const now = Math.max(this.clock - this.epoch * halfLivesAnEpoch, 0);
    const newer = 2 ** -now;
    const older = 2 ** -(now + halfLivesAnEpoch);
    const { current, previous } = this;
    return current.map((weight, index) => weight * newer + (previous[index] ?? 0) * older);
  }

  snapshot(): CountsSnapshot {
    return { clock: this.clock, current: sparse(this.current), previous: sparse(this.previous) };
  }

  /** Takes over what the fleet knows, in place of what this process knew. */
  load(snapshot: CountsSnapshot): void {
    this.clock = snapshot.clock;
    this.epoch = epochOf(snapshot.clock);
    this.current = new Float64Array(this.length);
    this.previous = new Float64Array(this.length);
    addTo(this.current, snapshot.current);
    addTo(this.previous, snapshot.previous);
  }

  private turnTo(epoch: number): void {
    if (epoch <= this.epoch) return;
    this.previous = epoch === this.epoch + 1 ? this.current : new Float64Array(this.length);
    this.current = new Float64Array(this.length);
    this.epoch = epoch;
  }
}

function addTo(counters: Float64Array, weights: SparseWeights): void {
  for (const [index, weight] of weights) {
    const before = counters[index];
    // Foreign data: an index that we do not have is left out, and so is a weight that is no number.
    if (before !== undefined && Number.isFinite(weight)) counters[index] = before + weight;
  }
}

function sparse(counters: Float64Array): SparseWeights {
  const weights: (readonly [number, number])[] = [];
  for (const [index, weight] of counters.entries()) if (weight !== 0) weights.push([index, weight]);
  return weights;
}

/** What is known of one class of runs: a slow memory, a fast one, and how much more the fast one is right lately. */

import { DecayedCounts, type SparseWeights } from './decayed-counts.ts';
import type { ClassIncrement, ClassSnapshot } from './shared-counts.ts';
import { fineLength, fineShares, type Shapes, shapesOf } from './fine-shape.ts';
import { mix, smoothed, survivalAtAge, survivalOf } from './histogram.ts';
import {
  type DurationObservation,
  endsOf,
  type LifeTable,
  lifeTableLength,
  lifeTableOf,
  lifeTableShares,
} from './life-table.ts';

/** Ends of runs after which a memory has half forgotten. */
export const slowHalfLife = 2000;
export const fastHalfLife = 60;

/** The fast memory's last counter: the decayed sum of log-likelihood ratios, fast against slow. */
const scoreIndex = lifeTableLength;
/** From here on, the fast memory counts where within a bucket runs end. An older version leaves these out. */
const fineIndex = lifeTableLength + 1;
/** No single look proves a shift. */
const largestRatio = 1.5;
/** Both memories are doubted by this share, so that a ratio stays finite. */
const doubt = 0.1;
/** The score at which both memories count the same. */
const evenScore = 3;

export interface ClassEstimate {
  /** Backed off to the parent; they sum to 1. */
  readonly masses: Float64Array;
  /** The chance to be still going at each bucket's start. */
  readonly survival: Float64Array;
  /** Observations behind it, decayed. */
  readonly evidence: number;
  /** How much of it comes from the fast memory; near 1 after a shift. */
  readonly fastShare: number;
}

/** Survival by either memory alone. */
interface Memories {
  readonly slow: Float64Array;
  readonly fast: Float64Array;
}

export class ClassCounts {
  private readonly slow = new DecayedCounts(slowHalfLife, lifeTableLength);
  private readonly fast = new DecayedCounts(fastHalfLife, fineIndex + fineLength);
  /** As of the last estimate. */
  private memories: Memories | null = null;

  /**
   * An observation's part here. `believed`: the narrowest class's estimate; `isOwn`: this is that class. Changes nothing:
   * `add` does.
   */
  increment(
    classKey: string,
    observation: DurationObservation,
    believed: ClassEstimate,
    isOwn: boolean,
  ): ClassIncrement {
    const shares = lifeTableShares(observation, believed.masses);
    const score = this.ratio(observation, believed.survival);
    const fast: SparseWeights = [
      ...shares,
      ...(score === 0 ? [] : [[scoreIndex, score] as const]),
      ...(isOwn ? fineOf(observation, believed.masses, endsOf(shares)) : []),
    ];
    const ends = observation.type === 'ended' ? 1 : 0;
    return { classKey, slow: this.slow.increment(shares, ends), fast: this.fast.increment(fast, ends) };
  }

  add(increment: ClassIncrement): void {
    this.slow.add(increment.slow);
    this.fast.add(increment.fast);
  }

  /** Where within a bucket its runs end. */
  shapes(): Shapes {
    return shapesOf(this.fast.weights().subarray(fineIndex));
  }

  /** Runs that ended since the beginning, forgotten or not. */
  endsSoFar(): number {
    return this.slow.observations();
  }

  snapshot(): ClassSnapshot {
    return { slow: this.slow.snapshot(), fast: this.fast.snapshot() };
  }

  load(snapshot: ClassSnapshot): void {
    this.slow.load(snapshot.slow);
    this.fast.load(snapshot.fast);
    this.memories = null;
  }

  /**
   * `n·p̂ + m·parent`, where m = weight²/(weight + n): pseudo-observations that fade as real ones come in. `exposed`: what
   * runs in flight add, which are not in the counters yet.
   */
  estimate(parent: Float64Array, parentWeight: number, exposed: SparseWeights): ClassEstimate {
    const { memories, ...estimate } = this.survey(parent, parentWeight, exposed);
    this.memories = memories;
    return estimate;
  }

  /** What ended runs alone say. Changes nothing. */
  estimateOfTold(parent: Float64Array, parentWeight: number): ClassEstimate {
    const { memories: _memories, ...estimate } = this.survey(parent, parentWeight, []);
    return estimate;
  }

  private survey(
    parent: Float64Array,
    parentWeight: number,
    exposed: SparseWeights,
  ): ClassEstimate & { readonly memories: Memories } {
    const fastCounters = withShares(this.fast.weights(), exposed);
    const slow = smoothTable(lifeTableOf(withShares(this.slow.weights(), exposed), parent));
    const fast = smoothTable(lifeTableOf(fastCounters, parent));
    const memories = { slow: survivalOf(slow.masses), fast: survivalOf(fast.masses) };
    const fastShare = 1 / (1 + Math.exp(evenScore - (fastCounters[scoreIndex] ?? 0)));
    const own = mix(fast.masses, slow.masses, fastShare);
    const evidence = fastShare * evidenceOf(fast) + (1 - fastShare) * evidenceOf(slow);
    const pseudo = parentWeight ** 2 / (parentWeight + evidence);
    const masses = mix(own, parent, evidence / (evidence + pseudo));
    return { masses, survival: survivalOf(masses), evidence, fastShare, memories };
  }

  private ratio(observation: DurationObservation, believed: Float64Array): number {
    if (this.memories === null) return 0;
    const doubted = doubt * chanceOf(believed, observation) + 1e-9;
    const fast = (1 - doubt) * chanceOf(this.memories.fast, observation) + doubted;
    const slow = (1 - doubt) * chanceOf(this.memories.slow, observation) + doubted;
    return Math.min(largestRatio, Math.max(-largestRatio, Math.log(fast / slow)));
  }
}

function fineOf(observation: DurationObservation, masses: Float64Array, ends: SparseWeights): SparseWeights {
  if (observation.type === 'going') return [];
  const { afterMs, untilMs } = observation;
  return fineShares(masses, ends, afterMs, untilMs).map(([index, share]) => [fineIndex + index, share]);
}

/** Runs that outlive what the parent expected are evidence too, before the first of them ends. */
function evidenceOf(table: LifeTable): number {
  return Math.max(table.ends, table.expectedEnds);
}

function withShares(counters: Float64Array, shares: SparseWeights): Float64Array {
  for (const [index, share] of shares) counters[index] = (counters[index] ?? 0) + share;
  return counters;
}

function smoothTable(table: LifeTable): LifeTable {
  return { ...table, masses: smoothed(table.masses, table.ends) };
}

/** The chance of what was observed, given that the run was going at `seenMs`. */
function chanceOf(survival: Float64Array, observation: DurationObservation): number {
  const seen = survivalAtAge(survival, observation.seenMs);
  if (seen <= 1e-12) return 0;
  const until = survivalAtAge(survival, observation.untilMs);
  if (observation.type === 'going') return until / seen;
  return Math.max(0, survivalAtAge(survival, observation.afterMs) - until) / seen;
}

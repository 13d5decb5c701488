/**
 * What looks tell of durations, as a life table: for each bucket of ages, how many runs passed through it under our
 * eyes and how many ended in it. Their ratio is the hazard there.
 *
 * A plain histogram of finished runs would be wrong whenever many are in flight: of a thousand runs sent together the
 * short ones end first. Here a look that finds a run still going counts too.
 */

import { at, bucketCount, bucketOf } from './buckets.ts';
import type { SparseWeights } from './decayed-counts.ts';
import { positionIn, spread } from './histogram.ts';

/**
 * What one look has told of one run, in ages: it was seen still going at `seenMs` (0: only created), and
 * - `going`: again at `untilMs`, or nothing more is known of it from there on (we cancelled it);
 * - `ended`: it ended within `(afterMs, untilMs]`, where `afterMs ≥ seenMs`.
 */
export type DurationObservation =
  | { readonly type: 'going'; readonly seenMs: number; readonly untilMs: number }
  | {
      readonly type: 'ended';
      readonly seenMs: number;
      readonly afterMs: number;
      readonly untilMs: number;
    };

/** Counters `0 …`: ends, by bucket. Counters `riskIndex …`: by how many the runs under our eyes grow at a bucket. */
const riskIndex = bucketCount;
export const lifeTableLength = 2 * bucketCount;

/** What an observation adds to the counters. `masses`: what is believed of the class. */
export function lifeTableShares(observation: DurationObservation, masses: Float64Array): SparseWeights {
  const shares = new Map<number, number>();
  enter(shares, observation.seenMs, 1);
  if (observation.type === 'going') {
    enter(shares, observation.untilMs, -1);
  } else {
    for (const [b, share] of spread(masses, observation.afterMs, observation.untilMs)) {
      add(shares, b, share);
      // Whoever ends within a bucket counts for the whole of it.
      if (b + 1 < bucketCount) add(shares, riskIndex + b + 1, -share);
    }
  }
  return [...shares].filter(([, share]) => share !== 0);
}

/** Of what `lifeTableShares` says: into which buckets the run ended. */
export function endsOf(shares: SparseWeights): SparseWeights {
  return shares.filter(([index]) => index < riskIndex);
}

/** Comes under our eyes at an age within a bucket: counts for the rest of that bucket, and fully from the next on. */
function enter(shares: Map<number, number>, ageMs: number, sign: 1 | -1): void {
  const b = bucketOf(ageMs);
  const position = Math.max(0, positionIn(b, ageMs));
  add(shares, riskIndex + b, sign * (1 - position));
  if (b + 1 < bucketCount) add(shares, riskIndex + b + 1, sign * position);
}

function add(shares: Map<number, number>, index: number, share: number): void {
  shares.set(index, (shares.get(index) ?? 0) + share);
}

/** The parent's hazard counts as that many runs in every bucket: next to nothing, but where nobody has been seen. */
const pseudoRuns = 0.05;

export interface LifeTable {
  /** The chance of each bucket; they sum to 1. */
  readonly masses: Float64Array;
  /** Runs that ended. */
  readonly ends: number;
  /** The ends that the parent would have expected of the runs that were seen. */
  readonly expectedEnds: number;
}

/** The life table that counters stand for; beyond what was seen it goes on as its parent does. */
export function lifeTableOf(counters: Float64Array, parent: Float64Array): LifeTable {
  const masses = new Float64Array(bucketCount);
  let parentLeft = 1;
  let left = 1;
  let atRisk = 0;
  let ends = 0;
  let expectedEnds = 0;
  for (let b = 0; b < bucketCount; b += 1) {
    atRisk += at(counters, riskIndex + b);
    // Lost writes and rounding must not leave a bucket with more ends than runs.
    const ended = Math.max(0, at(counters, b));
    const runs = Math.max(ended, atRisk, 0);
    const parentHazard = parentLeft > 1e-12 ? Math.min(1, at(parent, b) / parentLeft) : 1;
    parentLeft -= at(parent, b);
    const hazard = b === bucketCount - 1 ? 1 : (ended + pseudoRuns * parentHazard) / (runs + pseudoRuns);
    masses[b] = left * hazard;
    left *= 1 - hazard;
    ends += ended;
    expectedEnds += runs * parentHazard;
  }
  return { masses, ends, expectedEnds };
}

/** Arithmetic on histograms over the buckets: masses that sum to 1, and how they are smoothed and mixed. */

import { at, bucketCount, bucketEdgesMs, bucketOf, lastEdgeMs } from './buckets.ts';
import type { SparseWeights } from './decayed-counts.ts';

/** What is believed while nothing is known: S(x) = 1/(1 + x/x̃), whose hazard falls with age. */
export function priorMasses(medianMs: number): Float64Array {
  const survival = (ageMs: number): number => 1 / (1 + ageMs / medianMs);
  return Float64Array.from({ length: bucketCount }, (_, b) => {
    const end = b === bucketCount - 1 ? 0 : survival(at(bucketEdgesMs, b + 1));
    return survival(at(bucketEdgesMs, b)) - end;
  });
}

export function sumOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** `a·share + b·(1 − share)`. */
export function mix(a: Float64Array, b: Float64Array, share: number): Float64Array {
  return a.map((value, i) => value * share + at(b, i) * (1 - share));
}

/** The chance to be still going at each bucket's start; the last entry is what lies beyond the end: 0. */
export function survivalOf(masses: Float64Array): Float64Array {
  const survival = new Float64Array(bucketCount + 1);
  for (let b = bucketCount - 1; b >= 0; b -= 1) survival[b] = at(survival, b + 1) + at(masses, b);
  return survival;
}

/** The chance to be still going at an age, by the survival at the buckets' starts. */
export function survivalAtAge(survival: Float64Array, ageMs: number): number {
  if (ageMs >= lastEdgeMs) return 0;
  const b = bucketOf(ageMs);
  const share = Math.max(0, positionIn(b, ageMs));
  return at(survival, b) + share * (at(survival, b + 1) - at(survival, b));
}

/** How far into bucket `b` an age lies: 0 at its start, 1 at its end and beyond. */
export function positionIn(b: number, ageMs: number): number {
  const low = at(bucketEdgesMs, b);
  return Math.min(1, (ageMs - low) / (at(bucketEdgesMs, b + 1) - low));
}

/**
 * Where within `(afterMs, untilMs]` a run may have ended, by what is believed already (one step of
 * expectation–maximisation). Shares sum to 1.
 */
export function spread(masses: Float64Array, afterMs: number, untilMs: number): SparseWeights {
  const first = bucketOf(afterMs);
  const last = bucketOf(untilMs);
  if (first === last) return [[first, 1]];
  const within: [number, number][] = [];
  let sum = 0;
  for (let b = first; b <= last; b += 1) {
    const from = b === first ? Math.max(0, positionIn(b, afterMs)) : 0;
    const mass = at(masses, b) * (positionIn(b, untilMs) - from);
    if (mass <= 0) continue;
    within.push([b, mass]);
    sum += mass;
  }
  // Nothing was believed of that interval: its lower end, the shortest that fits.
  if (sum <= 1e-12) return [[first, 1]];
  return within.map(([b, mass]) => [b, mass / sum]);
}

/** The smoothing reaches over this share of the observations to either side, times n^−power. */
const reach = 0.35;
const reachPower = 0.4;

/**
 * Spreads each bucket's mass over as many neighbours as hold a share of `0.35·n^−0.4` of it all to its nearer side:
 * few observations are smeared widely, narrow humps stay narrow, and a gap between two humps stays empty.
 * `n`: the observations behind it.
 */
export function smoothed(masses: Float64Array, n: number): Float64Array {
  // Second differences: a triangle is three additions, whatever its width. Two sums later they are masses.
  const bends = new Float64Array(3 * bucketCount + 3);
  const cumulative = new Float64Array(bucketCount + 1);
  for (let b = 0; b < bucketCount; b += 1) cumulative[b + 1] = at(cumulative, b) + at(masses, b);
  const first = bucketAtShare(cumulative, 0);
  const end = bucketAtShare(cumulative, 1);
  const share = Math.min(0.5, reach * Math.max(1, n) ** -reachPower);
  for (let b = 0; b < bucketCount; b += 1) {
    const mass = at(masses, b);
    if (mass <= 0) continue;
    const middle = b + 0.5;
    const rank = (at(cumulative, b) + at(cumulative, b + 1)) / 2;
    const below = rank > share ? middle - bucketAtShare(cumulative, rank - share) : Infinity;
    const above = rank + share < 1 ? bucketAtShare(cumulative, rank + share) - middle : Infinity;
    const nearer = Math.min(below, above);
    const width = Number.isFinite(nearer) ? nearer : Math.max(middle - first, end - middle);
    const radius = Math.min(bucketCount, Math.floor(1.5 * width) + 1);
    const height = mass / radius ** 2;
    const centre = bucketCount + b;
    addAt(bends, centre - radius + 1, height);
    addAt(bends, centre + 1, -2 * height);
    addAt(bends, centre + radius + 1, height);
  }
  return summedTwice(bends);
}

/** The position, in buckets and parts of one, below which `share` of the mass lies. */
function bucketAtShare(cumulative: Float64Array, share: number): number {
  let low = 0;
  let high = bucketCount - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const reached = at(cumulative, middle + 1);
    if (share <= 0 ? reached > 0 : reached >= share - 1e-12) high = middle;
    else low = middle + 1;
  }
  const before = at(cumulative, low);
  const mass = at(cumulative, low + 1) - before;
  return mass > 0 ? low + Math.min(1, Math.max(0, (share - before) / mass)) : low;
}

function addAt(values: Float64Array, index: number, value: number): void {
  values[index] = at(values, index) + value;
}

/** What fell off either end is put into the bucket there. */
function summedTwice(bends: Float64Array): Float64Array {
  const out = new Float64Array(bucketCount);
  let slope = 0;
  let value = 0;
  for (const [i, bend] of bends.entries()) {
    slope += bend;
    value += slope;
    const b = Math.min(bucketCount - 1, Math.max(0, i - bucketCount));
    // Rounding leaves a hair where nothing should be, on either side of zero.
    if (value > 1e-12) addAt(out, b, value);
  }
  const sum = sumOf(out);
  return out.map((mass) => mass / sum);
}

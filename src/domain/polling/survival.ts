/** A survival curve: the chance that a run is still going at an age. Everything about durations comes down to one. */

import { at, bucketCount, bucketEdgesMs } from './buckets.ts';
import { partsOf, type Shapes } from './fine-shape.ts';

/**
 * `survival[i]` is the chance that a run is still going at `agesMs[i]`; linear in between.
 * `agesMs` grows strictly from 0; `survival` falls from 1 and may end above 0.
 */
export interface SurvivalCurve {
  readonly agesMs: Float64Array;
  readonly survival: Float64Array;
}

/** The index of the last entry at or below `value`; 0 below all. */
export function indexAtOrBelow(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (at(sorted, middle) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The chance that a run is still going at `ageMs`. Constant beyond the end of the curve. */
export function survivalAt(curve: SurvivalCurve, ageMs: number): number {
  const { agesMs, survival } = curve;
  if (ageMs <= 0) return 1;
  const i = indexAtOrBelow(agesMs, ageMs);
  if (i + 1 >= agesMs.length) return at(survival, i);
  const share = (ageMs - at(agesMs, i)) / (at(agesMs, i + 1) - at(agesMs, i));
  return at(survival, i) + share * (at(survival, i + 1) - at(survival, i));
}

/** The age by which a share `q` of runs has ended; the end of the curve when it does not reach that far. */
export function quantileMs(curve: SurvivalCurve, q: number): number {
  const { agesMs, survival } = curve;
  const target = 1 - q;
  let low = 0;
  let high = survival.length - 1;
  if (at(survival, high) > target) return at(agesMs, high);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(survival, middle) <= target) high = middle;
    else low = middle + 1;
  }
  if (low === 0) return 0;
  const above = at(survival, low - 1);
  const share = (above - target) / (above - at(survival, low));
  return at(agesMs, low - 1) + share * (at(agesMs, low) - at(agesMs, low - 1));
}

/** How many pieces a bucket of this mass is cut into: looks are placed where the mass is. */
function piecesOf(mass: number): number {
  return Math.min(48, 3 + Math.ceil(mass * 320));
}

/** The curve of a histogram: `masses[b]` is the chance of bucket `b`, spread inside it by its shape. They sum to 1. */
export function curveOfMasses(masses: Float64Array, shapes: Shapes): SurvivalCurve {
  const agesMs = [0];
  const survival = [1];
  let lowMs = 0;
  let ended = 0;
  const add = (untilMs: number, mass: number): void => {
    const pieces = piecesOf(mass);
    for (let piece = 1; piece <= pieces; piece += 1) {
      agesMs.push(lowMs + ((untilMs - lowMs) * piece) / pieces);
      survival.push(Math.max(0, 1 - ended - (mass * piece) / pieces));
    }
    lowMs = untilMs;
    ended += mass;
  };
  for (let b = 0; b < bucketCount; b += 1) {
    const mass = at(masses, b);
    const shape = shapes.get(b);
    if (shape === undefined) add(at(bucketEdgesMs, b + 1), mass);
    else for (const { untilMs, share } of partsOf(b, shape)) add(untilMs, mass * share);
  }
  return { agesMs: new Float64Array(agesMs), survival: new Float64Array(survival) };
}

/** Points that a dense gap of looks is cut into: a look can only be placed on a point. */
const pointsAGap = 6;
/** Where fewer runs than this are left, nothing is gained by placing looks well. */
const fewLeft = 0.002;
/** More points than this are not worth their time. */
const mostPoints = 12_000;

/** The same curve with enough points to place looks at this price: a few in each dense gap `√(2c/h)`. */
export function refined(curve: SurvivalCurve, costMs: number): SurvivalCurve {
  const pieces = new Uint32Array(curve.agesMs.length);
  let total = 1;
  for (let i = 1; i < pieces.length; i += 1) {
    const width = at(curve.agesMs, i) - at(curve.agesMs, i - 1);
    const left = at(curve.survival, i - 1);
    const hazard = left > fewLeft ? (left - at(curve.survival, i)) / left / width : 0;
    const wanted = Math.ceil((width * pointsAGap) / Math.sqrt((2 * costMs) / hazard));
    pieces[i] = total < mostPoints ? Math.max(1, wanted) : 1;
    total += at(pieces, i);
  }
  const agesMs = new Float64Array(total);
  const survival = new Float64Array(total);
  survival[0] = 1;
  let end = 0;
  for (let i = 1; i < pieces.length; i += 1) {
    const count = at(pieces, i);
    for (let piece = 1; piece <= count; piece += 1) {
      end += 1;
      const share = piece / count;
      agesMs[end] = at(curve.agesMs, i - 1) * (1 - share) + at(curve.agesMs, i) * share;
      survival[end] = at(curve.survival, i - 1) * (1 - share) + at(curve.survival, i) * share;
    }
  }
  return { agesMs, survival };
}

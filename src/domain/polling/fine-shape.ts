/**
 * Where within a bucket runs end. A bucket is 5 % wide, half a minute at ten minutes: runs that always take about the
 * same time would be looked for all over it.
 *
 * Counted by the fast memory of a run's own class alone: it forgets within some hundred runs, so a hump that moves is
 * followed, and wider classes have no humps so narrow.
 */

import { at, bucketCount, bucketEdgesMs, bucketOf } from './buckets.ts';
import type { SparseWeights } from './decayed-counts.ts';
import { positionIn } from './histogram.ts';

/** Equal parts of a bucket. */
const binsABucket = 8;
/** Below, a bucket is narrower than the whole seconds in which providers tell when a run ended. */
const firstFineBucket = bucketOf(20_000);
export const fineLength = (bucketCount - firstFineBucket) * binsABucket;

/** By bucket, the chance of each of its parts; they sum to 1. A bucket that is not here is even. */
export type Shapes = ReadonlyMap<number, Float64Array>;

export const evenShapes: Shapes = new Map();

/** A bucket that holds a smaller share of a class's runs is on no narrow hump; so few of them are ever counted. */
const leastMass = 1 / 12;

/**
 * Into which counters a run falls that ended within `(afterMs, untilMs]`. `masses`: what is believed of the class;
 * `ends`: the run's share of each bucket.
 */
export function fineShares(
  masses: Float64Array,
  ends: SparseWeights,
  afterMs: number,
  untilMs: number,
): SparseWeights {
  return ends.flatMap(([b, share]) => {
    if (b < firstFineBucket || at(masses, b) < leastMass) return [];
    const from = Math.max(0, positionIn(b, afterMs));
    const until = Math.max(from, positionIn(b, untilMs));
    return partsWithin(from * binsABucket, until * binsABucket).map(
      ([bin, part]) => [(b - firstFineBucket) * binsABucket + bin, share * part] as const,
    );
  });
}

/** Evenly: what is believed at this scale would sharpen itself. */
function partsWithin(from: number, until: number): SparseWeights {
  const first = Math.min(binsABucket - 1, Math.floor(from));
  const last = Math.min(binsABucket - 1, Math.floor(until));
  if (first === last) return [[first, 1]];
  const parts: [number, number][] = [];
  for (let bin = first; bin <= last; bin += 1) {
    const part = (Math.min(until, bin + 1) - Math.max(from, bin)) / (until - from);
    if (part > 0) parts.push([bin, part]);
  }
  return parts;
}

/**
 * What an even bucket's χ² has by chance, and two standard deviations more. An estimate is drawn to evenness by this
 * over its own χ² (James and Stein, 1961): few ends, or such as lie all over a bucket, tell of no shape.
 */
const chance = binsABucket - 1 + 2 * Math.sqrt(2 * (binsABucket - 1));

/** `counters`: those of `fineShares`. */
export function shapesOf(counters: Float64Array): Shapes {
  const shapes = new Map<number, Float64Array>();
  for (let start = 0; start < counters.length; start += binsABucket) {
    const bins = counters.subarray(start, start + binsABucket);
    let sum = 0;
    let squares = 0;
    for (const count of bins) {
      sum += count;
      squares += count ** 2;
    }
    if (sum <= 1) continue;
    const unevenness = (squares * binsABucket) / sum - sum;
    const own = 1 - chance / unevenness;
    if (!(unevenness > chance)) continue;
    shapes.set(
      firstFineBucket + start / binsABucket,
      bins.map((count) => (own * Math.max(0, count)) / sum + (1 - own) / binsABucket),
    );
  }
  return shapes;
}

/** The ends of a bucket's parts: ages, and how much of the bucket lies below. */
export function partsOf(b: number, shape: Float64Array): { untilMs: number; share: number }[] {
  const low = at(bucketEdgesMs, b);
  const width = at(bucketEdgesMs, b + 1) - low;
  return [...shape].map((share, bin) => ({ untilMs: low + (width * (bin + 1)) / binsABucket, share }));
}

/** The ages that a histogram tells apart: log buckets, 50 ms … 5.5 h, each 5 % wider than the one before. */

export const bucketRatio = 1.05;
export const bucketCount = 265;

const firstEdgeMs = 50;
const logRatio = Math.log(bucketRatio);

/** `bucketEdgesMs[b]` … `bucketEdgesMs[b + 1]` is bucket `b`; the first begins at 0. */
export const bucketEdgesMs: Float64Array = Float64Array.from({ length: bucketCount + 1 }, (_, b) =>
  b === 0 ? 0 : firstEdgeMs * bucketRatio ** (b - 1),
);

/** The oldest age that is told apart; what is older counts in the last bucket. */
export const lastEdgeMs: number = at(bucketEdgesMs, bucketCount);

/** The bucket of an age. Ages below 0 count as 0, ages beyond the end as the end. */
export function bucketOf(ageMs: number): number {
  if (!(ageMs >= firstEdgeMs)) return 0;
  const guess = Math.min(bucketCount - 1, 1 + Math.floor(Math.log(ageMs / firstEdgeMs) / logRatio));
  // The logarithm can be off by one at an edge.
  if (guess < bucketCount - 1 && ageMs >= at(bucketEdgesMs, guess + 1)) return guess + 1;
  return ageMs < at(bucketEdgesMs, guess) ? guess - 1 : guess;
}

/** Reads a number array at an index that is known to be inside it. */
export function at(values: ArrayLike<number>, index: number): number {
  const value = values[index];
  if (value === undefined) throw new RangeError(`No element ${index} of ${values.length}.`);
  return value;
}

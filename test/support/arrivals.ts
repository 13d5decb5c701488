/** What a provider sees of a fleet. */

/** The most arrivals in any window. The busiest one ends at an arrival. */
export function worstWindow(times: readonly number[], windowMs: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  let first = 0;
  let worst = 0;
  for (const [last, at] of sorted.entries()) {
    while ((sorted[first] ?? 0) <= at - windowMs) first++;
    worst = Math.max(worst, last - first + 1);
  }
  return worst;
}

/** 1 when all have the same, 1/n when one has it all. */
export function jain(counts: readonly number[]): number {
  const sum = counts.reduce((a, b) => a + b, 0);
  const squares = counts.reduce((a, b) => a + b * b, 0);
  return squares === 0 ? 1 : (sum * sum) / (counts.length * squares);
}

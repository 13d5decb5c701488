/**
 * The optimum times to look, from a survival curve and the price of a look.
 *
 * A look costs `c`, and each second between a run's end and the look that finds it costs a second. Looks at ages
 * x₁ < x₂ < … cost Σ S(x_k)·(c + x_{k+1} − x_k) (Barlow, Hunter and Proschan, 1963). With W_i the cost from a look at
 * age x_i on, weighted by S_i:
 *
 *     W_i = S_i·(c − x_i) + min over j > i of (x_j·S_i + W_j)
 *
 * The inner term is a line in S_i, so the lower hull of the lines seen so far answers every minimum: O(ages) in all.
 */

import { at } from './buckets.ts';
import { indexAtOrBelow, type SurvivalCurve } from './survival.ts';

/** From the age of the last look to the age of the next, so that a look that came late corrects itself. */
export interface LookTable {
  readonly costMs: number;
  readonly agesMs: Float64Array;
  /** `nextMs[i]`: when to look after a look at `agesMs[i]` found the run still going. Never falls. */
  readonly nextMs: Float64Array;
  /** What is still to be paid after a look at age 0: `Σ S·(c + gap)`, without the create itself. */
  readonly totalMs: number;
}

/** Below this chance of being reached, an age says nothing; the tail rule takes over. */
const negligible = 1e-9;

/** The last age of the curve is a horizon: the look there is the last one. */
export function lookTable(curve: SurvivalCurve, costMs: number): LookTable {
  const { agesMs, survival } = curve;
  const last = lastLivingIndex(survival);
  const nextMs = new Float64Array(last + 1);
  // The hull: lines `slope·s + intercept`, slopes falling from front to back, best at rising s.
  const slopes = new Float64Array(last + 1);
  const intercepts = new Float64Array(last + 1);
  let front = 0;
  let back = 0;
  slopes[0] = at(agesMs, last);
  nextMs[last] = at(agesMs, last) + tailGapMs(at(agesMs, last), costMs);
  let total = 0;
  for (let i = last - 1; i >= 0; i -= 1) {
    const s = at(survival, i);
    // s rises from query to query, so a line that was beaten at the front stays beaten.
    while (front < back && lineAt(slopes, intercepts, front + 1, s) <= lineAt(slopes, intercepts, front, s)) {
      front += 1;
    }
    nextMs[i] = at(slopes, front);
    const slope = at(agesMs, i);
    const intercept = s * (costMs - slope) + lineAt(slopes, intercepts, front, s);
    total = intercept;
    while (back > front && isHidden(slopes, intercepts, back, slope, intercept)) back -= 1;
    back += 1;
    slopes[back] = slope;
    intercepts[back] = intercept;
  }
  return { costMs, agesMs: agesMs.subarray(0, last + 1), nextMs, totalMs: total };
}

/** When to look after a look at `ageMs` that found the run still going. Always later than `ageMs`. */
export function nextLookMs(table: LookTable, ageMs: number): number {
  const { agesMs, nextMs, costMs } = table;
  const i = indexAtOrBelow(agesMs, ageMs);
  if (i + 1 >= agesMs.length) return ageMs + tailGapMs(ageMs, costMs);
  const low = at(nextMs, i);
  const high = at(nextMs, i + 1);
  const width = at(agesMs, i + 1) - at(agesMs, i);
  const share = (ageMs - at(agesMs, i)) / width;
  // Where the next look leaps over a valley between two humps, a time in the middle of the valley is the worst.
  const leaps = high - low > width + 0.25 * (low - at(agesMs, i));
  const next = leaps ? (share < 0.5 ? low : high) : low + share * (high - low);
  return next > ageMs ? next : high;
}

/** Past all that is known the hazard is taken as 1/age: Keller's dense limit `√(2c/h)`, at least the price itself. */
export function tailGapMs(ageMs: number, costMs: number): number {
  return Math.max(costMs, Math.sqrt(2 * costMs * ageMs), 1);
}

function lineAt(slopes: Float64Array, intercepts: Float64Array, line: number, s: number): number {
  return at(slopes, line) * s + at(intercepts, line);
}

/** Whether the line at the back is nowhere the lowest, once a flatter line comes after it. */
function isHidden(
  slopes: Float64Array,
  intercepts: Float64Array,
  back: number,
  slope: number,
  intercept: number,
): boolean {
  const before = back - 1;
  // Crossing of (before, new) comes no later than that of (before, back).
  return (
    (intercept - at(intercepts, before)) * (at(slopes, before) - at(slopes, back)) <=
    (at(intercepts, back) - at(intercepts, before)) * (at(slopes, before) - slope)
  );
}

function lastLivingIndex(survival: Float64Array): number {
  let last = survival.length - 1;
  // The first negligible age stays: it is where the last look belongs.
  while (last > 1 && at(survival, last - 1) <= negligible) last -= 1;
  return last;
}

/** Small helpers of the polling tests. */

import type { SurvivalCurve } from '../../../../src/domain/polling/survival.ts';

/** A seeded generator of draws from [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

export function curveFrom(ages: readonly number[], survival: readonly number[]): SurvivalCurve {
  return { agesMs: Float64Array.from(ages), survival: Float64Array.from(survival) };
}

export function exponentialCurve(hazard: number, stepMs: number, endMs: number): SurvivalCurve {
  const ages = Array.from({ length: Math.round(endMs / stepMs) + 1 }, (_, i) => i * stepMs);
  return curveFrom(
    ages,
    ages.map((age) => Math.exp(-hazard * age)),
  );
}

export function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

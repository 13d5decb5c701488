/** How long the runs of a world take, in seconds: to draw from, and to know exactly (the optimum does). */

import type { SurvivalCurve } from '../../src/domain/polling/survival.ts';
import { gaussian, type Random } from './random.ts';
import { gammaQ, normalSurvival } from './special.ts';

export type Component =
  | { readonly type: 'lognormal'; readonly median: number; readonly sigma: number }
  | { readonly type: 'gamma'; readonly median: number; readonly shape: number }
  | { readonly type: 'weibull'; readonly median: number; readonly shape: number }
  /** Never below `minimum`; survival (minimum/x)^alpha. */
  | { readonly type: 'pareto'; readonly minimum: number; readonly alpha: number }
  | { readonly type: 'uniform'; readonly low: number; readonly high: number }
  /** Normal around `median`, spread as a share of it. */
  | { readonly type: 'fixed'; readonly median: number; readonly spread: number }
  | { readonly type: 'exponential'; readonly mean: number };

export interface Part {
  readonly weight: number;
  readonly of: Component;
}
export type Distribution = readonly Part[];

/** No run is longer: past it the provider has given up. */
export const longestSeconds = 6 * 3600;

const gammaMedians = new Map<number, number>();

/** The median of a gamma distribution of scale 1, by bisection. */
function gammaMedian(shape: number): number {
  const known = gammaMedians.get(shape);
  if (known !== undefined) return known;
  let low = 0;
  let high = shape + 10;
  for (let step = 0; step < 80; step += 1) {
    const middle = (low + high) / 2;
    if (gammaQ(shape, middle) > 0.5) low = middle;
    else high = middle;
  }
  gammaMedians.set(shape, low);
  return low;
}

function drawGamma(shape: number, random: Random): number {
  if (shape < 1) return drawGamma(shape + 1, random) * (1 - random()) ** (1 / shape);
  // Marsaglia and Tsang.
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const z = gaussian(random);
    const v = (1 + c * z) ** 3;
    if (v > 0 && Math.log(1 - random()) < (z * z) / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}

function drawOf(of: Component, random: Random): number {
  switch (of.type) {
    case 'lognormal':
      return of.median * Math.exp(of.sigma * gaussian(random));
    case 'gamma':
      return (of.median / gammaMedian(of.shape)) * drawGamma(of.shape, random);
    case 'weibull':
      return of.median * (-Math.log(1 - random()) / Math.LN2) ** (1 / of.shape);
    case 'pareto':
      return of.minimum / (1 - random()) ** (1 / of.alpha);
    case 'uniform':
      return of.low + random() * (of.high - of.low);
    case 'fixed':
      return of.median * (1 + of.spread * gaussian(random));
    case 'exponential':
      return -of.mean * Math.log(1 - random());
    default: {
      const never: never = of;
      return never;
    }
  }
}

function survivalOf(of: Component, x: number): number {
  switch (of.type) {
    case 'lognormal':
      return normalSurvival(Math.log(x / of.median) / of.sigma);
    case 'gamma':
      return gammaQ(of.shape, (x * gammaMedian(of.shape)) / of.median);
    case 'weibull':
      return Math.exp(-Math.LN2 * (x / of.median) ** of.shape);
    case 'pareto':
      return x <= of.minimum ? 1 : (of.minimum / x) ** of.alpha;
    case 'uniform':
      return Math.min(1, Math.max(0, (of.high - x) / (of.high - of.low)));
    case 'fixed':
      return normalSurvival((x / of.median - 1) / of.spread);
    case 'exponential':
      return Math.exp(-x / of.mean);
    default: {
      const never: never = of;
      return never;
    }
  }
}

export function drawSeconds(distribution: Distribution, random: Random): number {
  const total = distribution.reduce((sum, part) => sum + part.weight, 0);
  let left = random() * total;
  let chosen = distribution[0];
  for (const part of distribution) {
    chosen = part;
    left -= part.weight;
    if (left < 0) break;
  }
  if (chosen === undefined) throw new Error('A distribution needs a component.');
  return Math.min(longestSeconds, Math.max(0.01, drawOf(chosen.of, random)));
}

export function survivalSeconds(distribution: Distribution, x: number): number {
  if (x <= 0) return 1;
  if (x >= longestSeconds) return 0;
  const total = distribution.reduce((sum, part) => sum + part.weight, 0);
  return distribution.reduce((sum, part) => sum + (part.weight / total) * survivalOf(part.of, x), 0);
}

/** The exact curve on a grid that is fine where mass is: what the optimum knows. */
export function curveOf(distribution: Distribution): SurvivalCurve {
  const seconds = [0];
  const survival = [1];
  // Steps of 0.3 % of the age, cut again while a step holds more than a five-hundredth of the mass.
  const add = (low: number, lowS: number, high: number, highS: number, depth: number): void => {
    if (depth > 0 && lowS - highS > 0.002) {
      const middle = (low + high) / 2;
      const middleS = survivalSeconds(distribution, middle);
      add(low, lowS, middle, middleS, depth - 1);
      add(middle, middleS, high, highS, depth - 1);
      return;
    }
    seconds.push(high);
    survival.push(highS);
  };
  let low = 0;
  let lowS = 1;
  for (let high = 0.02; low < longestSeconds; high *= 1.003) {
    const end = Math.min(high, longestSeconds);
    const endS = survivalSeconds(distribution, end);
    add(low, lowS, end, endS, 6);
    low = end;
    lowS = endS;
  }
  return { agesMs: Float64Array.from(seconds, (s) => s * 1000), survival: Float64Array.from(survival) };
}

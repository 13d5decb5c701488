import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { lookTable, nextLookMs, tailGapMs } from '../../../../src/domain/polling/look-table.ts';
import { refined, type SurvivalCurve, survivalAt } from '../../../../src/domain/polling/survival.ts';
import { curveFrom, exponentialCurve } from './support.ts';

/** A curve of few points, as any curve may look. */
const smallCurve = fc
  .array(
    fc.record({
      gap: fc.double({ min: 0.5, max: 50, noNaN: true }),
      drop: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    {
      minLength: 1,
      maxLength: 9,
    },
  )
  .map((steps): SurvivalCurve => {
    const ages = [0];
    const survival = [1];
    for (const { gap, drop } of steps) {
      ages.push((ages.at(-1) ?? 0) + gap);
      survival.push((survival.at(-1) ?? 1) * (1 - drop));
    }
    return curveFrom(ages, survival);
  });
const price = fc.double({ min: 0.01, max: 100, noNaN: true });

/** What looks at these points of the curve cost. */
function costOf({ agesMs, survival }: SurvivalCurve, looks: readonly number[], cost: number): number {
  let sum = 0;
  let last = 0;
  for (const look of looks) {
    sum += (survival[last] ?? 0) * (cost + (agesMs[look] ?? 0) - (agesMs[last] ?? 0));
    last = look;
  }
  return sum;
}

function cheapest(curve: SurvivalCurve, cost: number): number {
  const last = curve.agesMs.length - 1;
  let best = Infinity;
  for (let chosen = 0; chosen < 2 ** (last - 1); chosen += 1) {
    const looks = Array.from({ length: last - 1 }, (_, i) => i + 1).filter((i) => (chosen >> (i - 1)) & 1);
    best = Math.min(best, costOf(curve, [...looks, last], cost));
  }
  return best;
}

/** `e^{hδ} − 1 − hδ`. */
function atGap(hd: number): number {
  return Math.expm1(hd) - hd;
}

describe('the table of optimum looks', () => {
  it('costs what the best of all schedules costs, on small grids', () => {
    fc.assert(
      fc.property(smallCurve, price, (curve, cost) => {
        const best = cheapest(curve, cost);
        expect(lookTable(curve, cost).totalMs).toBeCloseTo(best, 6);
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  it('leads, step by step, to the cost that it promises', () => {
    fc.assert(
      fc.property(smallCurve, price, (curve, cost) => {
        const table = lookTable(curve, cost);
        const looks: number[] = [];
        let at = 0;
        while (at < table.agesMs.length - 1) {
          at = curve.agesMs.indexOf(table.nextMs[at] ?? Number.NaN);
          expect(at).toBeGreaterThan(looks.at(-1) ?? 0);
          looks.push(at);
        }
        expect(costOf(curve, looks, cost)).toBeCloseTo(table.totalMs, 6);
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  it('never says an earlier next look after a later last one', () => {
    fc.assert(
      fc.property(smallCurve, price, (curve, cost) => {
        const { nextMs } = lookTable(curve, cost);
        for (let i = 1; i < nextMs.length; i += 1)
          expect(nextMs[i]).toBeGreaterThanOrEqual(nextMs[i - 1] ?? 0);
      }),
      { numRuns: 300, seed: 3 },
    );
  });

  it.each([
    [1 / 2000, 1000],
    [1 / 20_000, 1000],
    [1 / 20_000, 10_000],
  ])('keeps the closed form e^{hδ} − 1 − hδ = hc for a constant hazard of %f and a price of %i', (h, c) => {
    const curve = exponentialCurve(h, 0.004 / h, 30 / h);
    const table = lookTable(curve, c);
    for (const age of [0, 1 / h, 3 / h]) {
      const gap = nextLookMs(table, age) - age;
      // The grid is 0.004/h wide: the root lies within a few steps.
      expect(atGap(h * gap - 0.012)).toBeLessThan(h * c);
      expect(atGap(h * gap + 0.012)).toBeGreaterThan(h * c);
    }
  });

  it('comes to Keller’s √(2c/h) where looks are cheap', () => {
    const h = 1 / 10_000;
    const c = 1;
    const table = lookTable(refined(exponentialCurve(h, 500, 200_000), c), c);
    const gap = nextLookMs(table, 5000) - 5000;
    expect(gap / Math.sqrt((2 * c) / h)).toBeGreaterThan(0.9);
    expect(gap / Math.sqrt((2 * c) / h)).toBeLessThan(1.1);
  });

  it('leaps over the valley between two humps, and never into its middle', () => {
    const curve = curveFrom([0, 900, 1000, 39_000, 40_000, 41_000], [1, 1, 0.4, 0.4, 0.2, 0]);
    const table = lookTable(refined(curve, 1000), 1000);
    for (let age = 0; age < 40_000; age += 37) {
      const next = nextLookMs(table, age);
      expect(next < 2000 || next > 38_000).toBe(true);
    }
  });

  it('always looks later than the last look, at any age', () => {
    fc.assert(
      fc.property(smallCurve, price, fc.double({ min: 0, max: 1e7, noNaN: true }), (curve, cost, age) => {
        const next = nextLookMs(lookTable(refined(curve, cost), cost), age);
        expect(next).toBeGreaterThan(age);
        expect(next).toBeLessThan(Infinity);
      }),
      { numRuns: 500, seed: 4 },
    );
  });

  it('goes on past the end of what is known, with gaps that grow', () => {
    const table = lookTable(exponentialCurve(1 / 1000, 10, 5000), 1000);
    expect(nextLookMs(table, 1e6) - 1e6).toBeCloseTo(tailGapMs(1e6, 1000), 6);
    expect(tailGapMs(4e6, 1000)).toBeGreaterThan(tailGapMs(1e6, 1000));
  });
});

describe('refining a curve', () => {
  it('adds points and changes nothing else', () => {
    fc.assert(
      fc.property(smallCurve, price, fc.double({ min: 0, max: 400, noNaN: true }), (curve, cost, age) => {
        const fine = refined(curve, cost);
        expect(fine.agesMs.length).toBeGreaterThanOrEqual(curve.agesMs.length);
        expect(survivalAt(fine, age)).toBeCloseTo(survivalAt(curve, age), 9);
      }),
      { numRuns: 300, seed: 5 },
    );
  });
});

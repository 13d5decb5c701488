import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { bucketCount, bucketOf } from '../../../../src/domain/polling/buckets.ts';
import { type ClassChain, DurationModel } from '../../../../src/domain/polling/duration-model.ts';
import { fineLength, fineShares, shapesOf } from '../../../../src/domain/polling/fine-shape.ts';
import { type LookTable, lookTable, nextLookMs } from '../../../../src/domain/polling/look-table.ts';
import { curveOfMasses, refined, survivalAt } from '../../../../src/domain/polling/survival.ts';
import { curveFrom, gaussian, seeded } from './support.ts';

const chain: ClassChain = ['kind|m=a', 'kind'];
const costMs = 1000;

interface Hump {
  readonly middleMs: number;
  readonly sigmaMs: number;
}

function draws({ middleMs, sigmaMs }: Hump, n: number, seed: number): number[] {
  const random = seeded(seed);
  return Array.from({ length: n }, () => middleMs + sigmaMs * gaussian(random));
}

/** As providers tell of ends: in whole seconds, wherever in a second the run began. */
function teach(model: DurationModel, durations: readonly number[]): void {
  const random = seeded(99);
  for (const durationMs of durations) {
    const offsetMs = 1000 * random();
    const afterMs = Math.floor((durationMs + offsetMs) / 1000) * 1000 - offsetMs;
    model.observe(chain, { type: 'ended', seenMs: 0, afterMs, untilMs: afterMs + 1000 });
  }
}

/** Of a run, in milliseconds: its looks at their price, and its delay. */
function meanCostMs(table: LookTable, durations: readonly number[]): number {
  let sum = 0;
  for (const durationMs of durations) {
    let ageMs = 0;
    while (ageMs < durationMs) {
      ageMs = nextLookMs(table, ageMs);
      sum += costMs;
    }
    sum += ageMs - durationMs;
  }
  return sum / durations.length;
}

function tableOf(model: DurationModel): LookTable {
  return lookTable(refined(model.estimate(chain).curve, costMs), costMs);
}

/** Of who knows all. */
function bestTable({ middleMs, sigmaMs }: Hump): LookTable {
  const sorted = draws({ middleMs, sigmaMs }, 20_000, 7).toSorted((a, b) => a - b);
  const every = 20;
  const ages = sorted.filter((_, n) => n % every === 0);
  const survival = ages.map((_, n) => 1 - (n * every) / sorted.length);
  return lookTable(curveFrom([0, ...ages, middleMs * 2], [1, ...survival, 0]), costMs);
}

/** 1: as good as who knows all. */
function costRatio(model: DurationModel, hump: Hump): number {
  const runs = draws(hump, 4000, 3);
  return meanCostMs(tableOf(model), runs) / meanCostMs(bestTable(hump), runs);
}

describe('a hump that is narrower than a bucket', () => {
  it.each([
    { middleMs: 60_000, sigmaMs: 300 },
    { middleMs: 300_000, sigmaMs: 1000 },
    { middleMs: 720_000, sigmaMs: 3600 },
  ])('of $middleMs ± $sigmaMs ms costs little more than it must', (hump) => {
    const model = new DurationModel();
    teach(model, draws(hump, 300, 1));
    expect(costRatio(model, hump)).toBeLessThan(1.12);
  });

  it('is followed when it moves within its bucket', () => {
    const bucket = bucketOf(300_000);
    const before = { middleMs: 300_000, sigmaMs: 1000 };
    const after = { middleMs: 305_000, sigmaMs: 1000 };
    expect(bucketOf(after.middleMs)).toBe(bucket);
    const model = new DurationModel();
    teach(model, draws(before, 1000, 1));
    teach(model, draws(after, 200, 2));
    expect(costRatio(model, after)).toBeLessThan(1.3);
  });

  it('is counted for the narrowest class alone', () => {
    const model = new DurationModel();
    teach(model, draws({ middleMs: 300_000, sigmaMs: 1000 }, 300, 1));
    const fields = (classKey: string): number => model.snapshot(classKey)?.fast.current.length ?? 0;
    expect(fields('kind|m=a')).toBeGreaterThan(fields('kind'));
    expect(model.snapshot('kind|m=a')?.slow.current).toHaveLength(
      model.snapshot('kind')?.slow.current.length ?? 0,
    );
  });
});

describe('where runs end all over', () => {
  it('nothing is counted within buckets, and they are even', () => {
    const model = new DurationModel();
    const random = seeded(5);
    teach(
      model,
      Array.from({ length: 2000 }, () => 300_000 * Math.exp(0.6 * gaussian(random))),
    );
    const { fast } = model.snapshot('kind|m=a') ?? { fast: { current: [] } };
    expect(fast.current.length).toBeLessThan(2 * bucketCount);
    const { masses, curve } = model.estimate(chain);
    for (const ageMs of [100_000, 250_000, 300_000, 600_000])
      expect(survivalAt(curve, ageMs)).toBeCloseTo(survivalAt(curveOfMasses(masses, new Map()), ageMs), 12);
  });

  it('a few ends make no shape', () => {
    const counters = new Float64Array(fineLength);
    counters.set([1, 0, 2, 0, 0, 1, 0, 0]);
    expect(shapesOf(counters).size).toBe(0);
  });
});

describe('shapes', () => {
  const interval = fc.tuple(
    fc.double({ min: 15_000, max: 25_000_000, noNaN: true }),
    fc.double({ min: 0, max: 5000, noNaN: true }),
  );

  it('share a run out whole, and make a curve that falls from 1 to 0', () => {
    fc.assert(
      fc.property(fc.array(interval, { minLength: 1, maxLength: 30 }), fc.nat(40), (intervals, times) => {
        const masses = new Float64Array(bucketCount);
        const counters = new Float64Array(fineLength);
        for (const [afterMs] of intervals) masses[bucketOf(afterMs)] = 1;
        for (const [afterMs, widthMs] of intervals) {
          const b = bucketOf(afterMs);
          const shares = fineShares(masses, [[b, 1]], afterMs, afterMs + widthMs);
          const whole = shares.reduce((sum, [, part]) => sum + part, 0);
          expect(whole).toBeCloseTo(b < bucketOf(20_000) ? 0 : 1, 9);
          for (const [index, part] of shares) counters[index] = (counters[index] ?? 0) + times * part;
        }
        const shapes = shapesOf(counters);
        for (const shape of shapes.values()) {
          expect(Math.min(...shape)).toBeGreaterThanOrEqual(0);
          expect(shape.reduce((sum, part) => sum + part, 0)).toBeCloseTo(1, 9);
        }
        const even = masses.map((mass) => mass / masses.reduce((sum, one) => sum + one, 0));
        const { agesMs, survival } = curveOfMasses(even, shapes);
        expect(survival[0]).toBe(1);
        expect(survival.at(-1)).toBeCloseTo(0, 9);
        for (let i = 1; i < agesMs.length; i += 1) {
          expect(agesMs[i]).toBeGreaterThan(agesMs[i - 1] ?? Infinity);
          expect(survival[i]).toBeLessThanOrEqual((survival[i - 1] ?? 0) + 1e-12);
        }
      }),
      { numRuns: 60 },
    );
  });
});

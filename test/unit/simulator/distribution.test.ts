import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { distributionSchema, LONGEST_DRAW_MS, sampleMs } from '../../../src/simulator/distribution.ts';
import type { Distribution } from '../../../src/simulator/distribution.ts';
import { pickWeighted, seededRandom } from '../../../src/simulator/random.ts';

const ms = fc.integer({ min: 0, max: 100_000 });

const simple: fc.Arbitrary<Distribution> = fc.oneof(
  fc.record({ type: fc.constant('fixed' as const), ms }),
  fc.tuple(ms, ms).map(([a, b]) => ({
    type: 'uniform' as const,
    minMs: Math.min(a, b),
    maxMs: Math.max(a, b),
  })),
  fc.record({
    type: fc.constant('lognormal' as const),
    medianMs: ms,
    sigma: fc.double({ min: 0, max: 3, noNaN: true }),
  }),
  fc.record({
    type: fc.constant('bimodal' as const),
    fastMs: ms,
    slowMs: ms,
    slowShare: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  fc.record({
    type: fc.constant('pareto' as const),
    minMs: ms,
    alpha: fc.double({ min: 0.1, max: 5, noNaN: true }),
  }),
);

const any: fc.Arbitrary<Distribution> = fc.oneof(
  simple,
  fc.record({
    type: fc.constant('mixture' as const),
    parts: fc.array(fc.record({ weight: fc.integer({ min: 1, max: 9 }), distribution: simple }), {
      minLength: 1,
      maxLength: 4,
    }),
  }),
);

function samples(distribution: Distribution, count: number, seed = 7): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => sampleMs(distribution, random)).sort((a, b) => a - b);
}

describe('sampleMs', () => {
  it('gives whole milliseconds within bounds, whatever the distribution', () => {
    fc.assert(
      fc.property(any, fc.integer(), (distribution, seed) => {
        const drawn = sampleMs(distribution, seededRandom(seed));
        expect(Number.isInteger(drawn)).toBe(true);
        expect(drawn).toBeGreaterThanOrEqual(0);
        expect(drawn).toBeLessThanOrEqual(LONGEST_DRAW_MS);
      }),
    );
  });

  it('draws the same from the same seed', () => {
    fc.assert(
      fc.property(any, fc.integer(), (distribution, seed) => {
        expect(samples(distribution, 5, seed)).toEqual(samples(distribution, 5, seed));
      }),
    );
  });

  it('keeps a uniform draw between its bounds and a pareto draw above its own', () => {
    fc.assert(
      fc.property(ms, ms, fc.integer(), (a, b, seed) => {
        const [minMs, maxMs] = [Math.min(a, b), Math.max(a, b)];
        const uniform = sampleMs({ type: 'uniform', minMs, maxMs }, seededRandom(seed));
        expect(uniform).toBeGreaterThanOrEqual(minMs);
        expect(uniform).toBeLessThanOrEqual(maxMs);
        const pareto = sampleMs({ type: 'pareto', minMs, alpha: 2, maxMs }, seededRandom(seed));
        expect(pareto).toBeGreaterThanOrEqual(minMs);
        expect(pareto).toBeLessThanOrEqual(maxMs);
      }),
    );
  });

  it('has the median and the humps that were asked for', () => {
    const median = samples({ type: 'lognormal', medianMs: 4000, sigma: 0.5 }, 4001)[2000] ?? 0;
    expect(median).toBeGreaterThan(3700);
    expect(median).toBeLessThan(4300);
    const humps = samples(
      { type: 'bimodal', fastMs: 100, slowMs: 10_000, slowShare: 0.25, sigma: 0.1 },
      4000,
    );
    const slow = humps.filter((drawn) => drawn > 1000).length / humps.length;
    expect(slow).toBeGreaterThan(0.2);
    expect(slow).toBeLessThan(0.3);
  });

  it('refuses distributions that make no sense', () => {
    for (const wrong of [
      { type: 'uniform', minMs: 2, maxMs: 1 },
      { type: 'fixed', ms: -1 },
      { type: 'pareto', minMs: 1, alpha: 0 },
      { type: 'mixture', parts: [] },
      { type: 'gamma' },
    ]) {
      expect(distributionSchema.safeParse(wrong).success).toBe(false);
    }
  });
});

describe('seededRandom', () => {
  it('forks a stream that does not depend on what was drawn before', () => {
    const used = seededRandom(3);
    used.next();
    expect(used.fork('a').next()).toBe(seededRandom(3).fork('a').next());
    expect(used.fork('a').next()).not.toBe(used.fork('b').next());
  });

  it('spreads evenly over [0, 1)', () => {
    const random = seededRandom(11);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 20_000; i++) {
      const bucket = Math.floor(random.next() * 10);
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(1800);
    expect(Math.max(...counts)).toBeLessThan(2200);
  });
});

describe('pickWeighted', () => {
  it('picks only what has weight, about as often as its weight says', () => {
    const random = seededRandom(5);
    const picked = { a: 0, b: 0, c: 0 };
    for (let i = 0; i < 4000; i++) {
      const key = pickWeighted(['a', 'b', 'c'], { a: 3, b: 0, c: 1 }, random);
      if (key !== null) picked[key]++;
    }
    expect(picked.b).toBe(0);
    expect(picked.a / picked.c).toBeGreaterThan(2.5);
    expect(picked.a / picked.c).toBeLessThan(3.5);
  });

  it('picks nothing from nothing', () => {
    expect(pickWeighted(['a'], {}, seededRandom(1))).toBeNull();
  });
});

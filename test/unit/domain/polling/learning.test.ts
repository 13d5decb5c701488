import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { bucketCount, bucketEdgesMs, bucketOf, lastEdgeMs } from '../../../../src/domain/polling/buckets.ts';
import { ClassCounts } from '../../../../src/domain/polling/class-counts.ts';
import { DecayedCounts, halfLivesAnEpoch } from '../../../../src/domain/polling/decayed-counts.ts';
import { type ClassChain, DurationModel } from '../../../../src/domain/polling/duration-model.ts';
import { priorMasses, smoothed, spread, sumOf } from '../../../../src/domain/polling/histogram.ts';
import type { DurationObservation } from '../../../../src/domain/polling/life-table.ts';
import { mergeIncrements } from '../../../../src/domain/polling/merge-increments.ts';
import { observationOfEvent } from '../../../../src/domain/polling/observation.ts';
import { quantileMs, survivalAt } from '../../../../src/domain/polling/survival.ts';
import { following, over, t0 } from '../../../support/fakes/builders.ts';
import { gaussian, seeded } from './support.ts';

const ended = (afterMs: number, untilMs: number, seenMs = 0): DurationObservation => ({
  type: 'ended',
  seenMs,
  afterMs,
  untilMs,
});
const chain: ClassChain = ['kind|m=a', 'kind'];

function lognormals(model: DurationModel, n: number, medianMs: number, sigma: number, seed: number): void {
  const random = seeded(seed);
  for (let i = 0; i < n; i += 1) {
    const age = medianMs * Math.exp(sigma * gaussian(random));
    model.observe(chain, ended(Math.max(0, age - 400), age + 400));
  }
}

describe('buckets', () => {
  it('hold every age between their edges', () => {
    expect(bucketCount).toBe(265);
    expect(lastEdgeMs / 3_600_000).toBeGreaterThan(5.4);
    fc.assert(
      fc.property(fc.double({ min: 0, max: lastEdgeMs * 0.999, noNaN: true }), (age) => {
        const b = bucketOf(age);
        expect(age).toBeGreaterThanOrEqual(bucketEdgesMs[b] ?? Infinity);
        expect(age).toBeLessThan(bucketEdgesMs[b + 1] ?? -Infinity);
      }),
      { seed: 1 },
    );
    for (const [b, edge] of bucketEdgesMs.subarray(0, bucketCount).entries()) expect(bucketOf(edge)).toBe(b);
  });

  it('take what is no age at all', () => {
    expect(bucketOf(Number.NaN)).toBe(0);
    expect(bucketOf(-5)).toBe(0);
    expect(bucketOf(Infinity)).toBe(bucketCount - 1);
  });
});

describe('counters that forget', () => {
  it('halve what is a half-life old, across epochs too', () => {
    const counts = new DecayedCounts(10, 2);
    counts.add(counts.increment([[0, 1]], 1));
    const half = (halfLivesAnEpoch - 1) * 10;
    for (let i = 0; i < half; i += 1) counts.add(counts.increment([], 1));
    counts.add(counts.increment([[1, 1]], 1));
    const before = counts.weights()[1] ?? 0;
    for (let i = 0; i < 20; i += 1) counts.add(counts.increment([], 1));
    expect(before).toBeCloseTo(1, 9);
    expect(counts.weights()[1]).toBeCloseTo(0.25, 9);
  });

  it('stay finite after a million observations', () => {
    const counts = new DecayedCounts(60, 1);
    for (let i = 0; i < 1_000_000; i += 1) counts.add(counts.increment([[0, 1]], 1));
    expect(counts.weights()[0]).toBeCloseTo(1 / (1 - 2 ** (-1 / 60)), 3);
  });

  it('come to the same whatever the order of the writes, and survive a snapshot', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4), { minLength: 1, maxLength: 60 }), fc.nat(), (indices, seed) => {
        const writer = new DecayedCounts(3, 5);
        const increments = indices.map((index) => {
          const increment = writer.increment([[index, 1]], 1);
          writer.add(increment);
          return increment;
        });
        const random = seeded(seed);
        const shuffled = increments.toSorted(() => random() - 0.5);
        const other = new DecayedCounts(3, 5);
        for (const increment of shuffled) other.add(increment);
        const loaded = new DecayedCounts(3, 5);
        loaded.load(structuredClone(other.snapshot()));
        for (const [i, weight] of writer.weights().entries())
          expect(loaded.weights()[i]).toBeCloseTo(weight, 9);
      }),
      { numRuns: 100, seed: 2 },
    );
  });

  it('leave foreign nonsense out', () => {
    const counts = new DecayedCounts(10, 2);
    counts.load({
      clock: 1,
      current: [
        [7, 3],
        [0, Number.NaN],
        [1, 2],
      ],
      previous: [],
    });
    expect([...counts.weights()]).toEqual([0, 1]);
  });
});

describe('smoothing and spreading', () => {
  const weights = fc.array(fc.double({ min: 0, max: 5, noNaN: true }), {
    minLength: bucketCount,
    maxLength: bucketCount,
  });

  it('keep the sum', () => {
    fc.assert(
      fc.property(weights, fc.double({ min: 1, max: 5000, noNaN: true }), (values, n) => {
        const sum = values.reduce((total, value) => total + value, 0);
        fc.pre(sum > 0);
        const smooth = smoothed(
          Float64Array.from(values, (value) => value / sum),
          n,
        );
        expect(sumOf(smooth)).toBeCloseTo(1, 9);
        expect(smooth.every((mass) => mass >= 0)).toBe(true);
      }),
      { numRuns: 100, seed: 3 },
    );
  });

  it('put an observation where it was believed to be, within its interval', () => {
    const masses = priorMasses(10_000);
    for (const [after, until] of [
      [0, 60],
      [900, 2100],
      [1e5, 1e8],
      [3, 3],
    ] as const) {
      const shares = spread(masses, after, until);
      expect(shares.reduce((sum, [, share]) => sum + share, 0)).toBeCloseTo(1, 9);
      for (const [b] of shares) {
        expect(b).toBeGreaterThanOrEqual(bucketOf(after));
        expect(b).toBeLessThanOrEqual(bucketOf(until));
      }
    }
  });
});

describe('the model of durations', () => {
  it('starts from the prior 1/(1 + x/10 s)', () => {
    const { curve, evidence } = new DurationModel().estimate(chain);
    expect(evidence).toBe(0);
    for (const age of [500, 5000, 10_000, 100_000])
      expect(survivalAt(curve, age)).toBeCloseTo(1 / (1 + age / 10_000), 2);
  });

  it('finds the quantiles of what it saw', () => {
    const model = new DurationModel();
    lognormals(model, 2000, 60_000, 0.5, 1);
    const { curve } = model.estimate(chain);
    for (const [q, z] of [
      [0.1, -1.2816],
      [0.5, 0],
      [0.9, 1.2816],
    ] as const) {
      expect(quantileMs(curve, q) / (60_000 * Math.exp(0.5 * z))).toBeGreaterThan(0.93);
      expect(quantileMs(curve, q) / (60_000 * Math.exp(0.5 * z))).toBeLessThan(1.07);
    }
  });

  it('is not misled by a thousand runs sent together, of which the short ones end first', () => {
    const model = new DurationModel();
    const random = seeded(5);
    const runs = Array.from({ length: 1000 }, () => 300_000 * Math.exp(0.6 * gaussian(random)));
    // All are looked at every 20 s; now they are 200 s old, and a quarter is over.
    for (let seen = 0; seen < 200_000; seen += 20_000) {
      for (const run of runs) {
        if (run <= seen) continue;
        const untilMs = seen + 20_000;
        model.observe(
          chain,
          run > untilMs ? { type: 'going', seenMs: seen, untilMs } : ended(seen, untilMs, seen),
        );
      }
    }
    const truth = runs.filter((run) => run > 200_000).length / 1000;
    expect(survivalAt(model.estimate(chain).curve, 200_000)).toBeGreaterThan(truth - 0.06);
    expect(survivalAt(model.estimate(chain).curve, 200_000)).toBeLessThan(truth + 0.06);
  });

  it('counts a cancelled run only until its cancel', () => {
    const model = new DurationModel();
    for (let i = 0; i < 200; i += 1) {
      model.observe(chain, ended(9000, 10_000));
      model.observe(chain, { type: 'going', seenMs: 0, untilMs: 5000 });
    }
    const { curve } = model.estimate(chain);
    expect(survivalAt(curve, 5000)).toBeGreaterThan(0.9);
    expect(quantileMs(curve, 0.5)).toBeGreaterThan(8500);
    expect(quantileMs(curve, 0.5)).toBeLessThan(10_500);
  });

  it('lends a new class what its parent knows', () => {
    const model = new DurationModel();
    lognormals(model, 500, 60_000, 0.4, 2);
    const sister = model.estimate(['kind|m=b', 'kind']).curve;
    expect(quantileMs(sister, 0.5)).toBeGreaterThan(50_000);
    expect(quantileMs(sister, 0.5)).toBeLessThan(70_000);
  });

  it('follows a shift with the fast memory, and trusts the slow one otherwise', () => {
    const model = new DurationModel();
    lognormals(model, 1500, 4000, 0.5, 3);
    expect(model.estimate(chain).fastShare).toBeLessThan(0.2);
    lognormals(model, 120, 60_000, 0.5, 4);
    const { curve, fastShare } = model.estimate(chain);
    expect(fastShare).toBeGreaterThan(0.9);
    expect(quantileMs(curve, 0.5)).toBeGreaterThan(20_000);
  });

  it('comes to the same in another process that was told its increments', () => {
    const [one, other] = [new DurationModel(), new DurationModel()];
    const random = seeded(9);
    for (let i = 0; i < 300; i += 1) one.observe(chain, ended(0, 1000 + 20_000 * random()));
    for (const key of chain) {
      const snapshot = one.snapshot(key);
      if (snapshot !== null) other.load(key, structuredClone(snapshot));
    }
    const wanted = one.estimate(['kind|m=a', 'kind']).curve;
    const loaded = other.estimate(chain).curve;
    for (const q of [0.1, 0.5, 0.9]) expect(quantileMs(loaded, q) / quantileMs(wanted, q)).toBeCloseTo(1, 1);
  });

  it('teaches the same in merged writes, also across the end of an epoch', () => {
    const model = new DurationModel();
    const random = seeded(11);
    // The fast memory's epoch ends after 64 half-lives of 60.
    const all = Array.from({ length: 4000 }, () =>
      model.observe(['k'], ended(0, 500 + 9000 * random())),
    ).flat();
    const merged = mergeIncrements(all);
    expect(merged.length).toBeLessThan(4);
    const replay = new ClassCounts();
    for (const increment of merged) replay.add(structuredClone(increment));
    const one = replay.estimate(priorMasses(10_000), 8, []);
    const same = model.estimate(['k']);
    expect(one.evidence / same.evidence).toBeCloseTo(1, 2);
    expect(one.fastShare).toBeCloseTo(same.fastShare, 1);
  });

  it('leaves nonsense out and forgets the classes that are not used', () => {
    const model = new DurationModel({ maxClasses: 3 });
    for (const bad of [ended(-1, 5), ended(5, 4), ended(0, Infinity), ended(Number.NaN, 1)]) {
      expect(model.observe(chain, bad)).toEqual([]);
    }
    for (const key of ['a', 'b', 'c', 'd', 'e']) model.observe([key], ended(0, 1000));
    expect(model.snapshot('a')).toBeNull();
    expect(model.snapshot('e')).not.toBeNull();
  });

  it('keeps a proper curve whatever it is told', () => {
    const ages = fc.tuple(
      fc.double({ min: 0, max: 1e8, noNaN: true }),
      fc.double({ min: 0, max: 1e8, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(ages, { maxLength: 40 }), (pairs) => {
        const model = new DurationModel();
        for (const [a, b] of pairs) {
          const [seenMs, untilMs] = [Math.min(a, b), Math.max(a, b)];
          model.observe(chain, a < b ? { type: 'going', seenMs, untilMs } : ended(seenMs, untilMs, seenMs));
        }
        const { curve, masses } = model.estimate(chain);
        expect(sumOf(masses)).toBeCloseTo(1, 6);
        expect(curve.survival.every((s, i) => s >= 0 && s <= (curve.survival[i - 1] ?? 1))).toBe(true);
        expect(curve.agesMs.every((age, i) => i === 0 || age > (curve.agesMs[i - 1] ?? 0))).toBe(true);
      }),
      { numRuns: 60, seed: 6 },
    );
  });
});

describe('a run that has waited for its tools', () => {
  it('teaches how long it went on after they were answered', () => {
    const before = following({ ageFromMs: t0 + 60_000, lastLookAtMs: t0 + 61_000 });
    const snapshot = over('completed', { endedAtMs: t0 + 63_000 });
    const event = { type: 'replied', call: 'retrieve', snapshot } as const;
    expect(observationOfEvent(before, event, t0 + 65_000)).toEqual(ended(3000, 4000, 1000));
  });
});

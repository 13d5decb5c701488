import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { nextPrice, noScarcity } from '../../../../src/domain/polling/price.ts';
import { silenceAtReview, silenceTakenBack } from '../../../../src/domain/polling/silence.ts';
import {
  arrivalChance,
  type ArrivalEvidence,
  type ArrivalState,
  learnArrival,
  unknownArrival,
} from '../../../../src/domain/polling/webhook-arrival.ts';
import { seeded } from './support.ts';

const arrived: ArrivalEvidence = { type: 'arrived', latencyMs: 300 };
const missed: ArrivalEvidence = { type: 'missed', silentMs: 60_000 };

const silent = (expectedEnds: number): ArrivalEvidence => ({ type: 'silent', expectedEnds });

function after(state: ArrivalState, evidence: readonly ArrivalEvidence[]): ArrivalState {
  return evidence.reduce((known, next) => learnArrival(known, next), state);
}

describe('the chance that a webhook arrives', () => {
  const random = seeded(3);
  const reliable = after(
    unknownArrival,
    Array.from({ length: 1000 }, () => (random() < 0.99 ? arrived : missed)),
  );

  it('is learnt', () => {
    expect(arrivalChance(reliable)).toBeGreaterThan(0.98);
    expect(arrivalChance(reliable)).toBeLessThan(0.997);
  });

  it('doubts the endpoint at one loss, trusts it again after two arrivals, and gives it up within three losses', () => {
    expect(arrivalChance(after(reliable, [missed]))).toBeGreaterThan(0.4);
    expect(arrivalChance(after(reliable, [missed, arrived, arrived]))).toBeGreaterThan(0.97);
    expect(arrivalChance(after(reliable, [missed, missed, missed]))).toBeLessThan(0.1);
  });

  it('comes back when webhooks do', () => {
    const down = after(
      reliable,
      Array.from({ length: 200 }, () => missed),
    );
    expect(arrivalChance(down)).toBeLessThan(0.05);
    expect(arrivalChance(after(down, [arrived, arrived, arrived, arrived]))).toBeGreaterThan(0.9);
  });

  it('learns next to nothing from a look that came before the webhook could', () => {
    const state = after(
      reliable,
      Array.from({ length: 5 }, () => ({ type: 'missed', silentMs: 5 })),
    );
    expect(arrivalChance(state)).toBeGreaterThan(0.95);
  });

  it('is doubted when many runs are silent at once, and more than doubted only by what looks find', () => {
    expect(arrivalChance(after(reliable, [silent(1)]))).toBeGreaterThan(0.98);
    const quiet = after(
      reliable,
      Array.from({ length: 100 }, () => silent(0.1)),
    );
    expect(arrivalChance(quiet)).toBeLessThan(0.3);
    expect(arrivalChance(quiet)).toBeGreaterThan(0.05);
    expect(arrivalChance(after(quiet, [silent(-10)]))).toBeGreaterThan(0.95);
    expect(arrivalChance(after(quiet, [arrived, arrived]))).toBeGreaterThan(0.9);
  });

  it('stays a chance whatever happens', () => {
    const evidence = fc.oneof(
      fc.constant(arrived),
      fc
        .double({ min: -1e3, max: 1e3, noNaN: true })
        .map((expectedEnds): ArrivalEvidence => ({ type: 'silent', expectedEnds })),
      fc
        .double({ min: -1e6, max: 1e9, noNaN: true })
        .map((silentMs): ArrivalEvidence => ({ type: 'missed', silentMs })),
    );
    fc.assert(
      fc.property(fc.array(evidence, { maxLength: 200 }), (all) => {
        const chance = arrivalChance(after(unknownArrival, all));
        expect(chance).toBeGreaterThan(0);
        expect(chance).toBeLessThan(1);
      }),
      { numRuns: 100, seed: 1 },
    );
  });
});

describe('the fleet’s price', () => {
  const amount = fc.double({ min: 0, max: 1e9, noNaN: true });

  it('never leaves its bounds, whatever is seen', () => {
    const sight = fc.record({ looks: fc.nat(1000), lagMs: amount, gapMs: amount });
    const turns = fc.array(fc.tuple(sight, fc.double({ min: -1e6, max: 1e6, noNaN: true })));
    fc.assert(
      fc.property(turns, (all) => {
        const last = all.reduce((state, [seen, elapsedMs]) => nextPrice(state, seen, elapsedMs), noScarcity);
        expect(last.scarcity).toBeGreaterThanOrEqual(1);
        expect(last.scarcity).toBeLessThanOrEqual(10_001);
      }),
      { seed: 1 },
    );
  });

  it('is the knob’s while looks get their permits within a second', () => {
    let state = noScarcity;
    for (let n = 0; n < 600; n += 1) {
      state = nextPrice(state, { looks: 10, lagMs: 9000, gapMs: 20_000 }, 1000);
      expect(state.scarcity).toBe(1);
    }
  });

  it('settles where demand, which falls as 1/√price, meets the quota, and leaves no permit unused', () => {
    // A run's gap is 10 s at the knob's price; there are 1000 of them, and 40 permits a second.
    let state = noScarcity;
    let queue = 0;
    let rate = 100;
    let unused = 0;
    for (let second = 0; second < 3000; second += 1) {
      const gapMs = 10_000 * Math.sqrt(state.scarcity);
      // Demand follows within a gap.
      rate += (1_000_000 / gapMs - rate) * Math.min(1, 2000 / gapMs);
      queue += rate;
      const taken = Math.min(40, queue);
      queue -= taken;
      if (second > 1000) unused += 40 - taken;
      state = nextPrice(
        state,
        { looks: taken, lagMs: (taken * 1000 * queue) / 40, gapMs: taken * gapMs },
        1000,
      );
    }
    expect(state.scarcity).toBeGreaterThan(5);
    expect(state.scarcity).toBeLessThan(8);
    expect(unused / (2000 * 40)).toBeLessThan(0.01);
  });
});

const gap = (sinceMs: number) => ({ ageMs: 50_000, sinceMs, plainMs: 10_000 });

describe('the silence of a run that is followed by webhook', () => {
  // Constant hazard: one in 100 s.
  const agesMs = Float64Array.from({ length: 1001 }, (_, i) => i * 1000);
  const curve = { agesMs, survival: agesMs.map((ageMs) => Math.exp(-ageMs / 100_000)) };
  const none = new Float64Array(0);
  const estimateOf = (evidence: number) => ({ curve, evidence, masses: none, survival: none, fastShare: 0 });
  const known = estimateOf(10_000);

  it('counts the ends that it should have been, from review to review', () => {
    const reviews = [10_000, 20_000, 40_000].map((sinceMs) => silenceAtReview(known, gap(sinceMs)));
    expect(reviews.map((ends) => Math.round(100 * ends))).toEqual([10, 10, 20]);
  });

  it('is taken back by the look that ends it, as far as it was counted', () => {
    expect(silenceTakenBack(known, gap(100_000))).toBeCloseTo(-0.4, 2);
    expect(silenceTakenBack(known, gap(12_000))).toBe(0);
    expect(silenceTakenBack(known, gap(0))).toBe(0);
  });

  it('counts little in a class of which little is known: it tells of durations there', () => {
    expect(silenceAtReview(estimateOf(0), gap(10_000))).toBe(0);
    expect(silenceAtReview(estimateOf(50), gap(10_000))).toBeCloseTo(0.05, 3);
  });

  it('counts no more than three for one run, however long it is known to take', () => {
    expect(silenceAtReview(known, { ageMs: 0, sinceMs: 900_000, plainMs: 900_000 })).toBeCloseTo(3, 3);
  });
});

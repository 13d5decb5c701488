import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { chooseLooks, defaultPrice, nextPrice } from '../../../../src/domain/polling/price.ts';
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

  it('stays a chance whatever happens', () => {
    const evidence = fc.oneof(
      fc.constant(arrived),
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
  const options = { ...defaultPrice, baseCostMs: 1000 };

  it('rises while looks are late, falls while they are early, and never leaves its bounds', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1000, max: 1e7, noNaN: true }),
        fc.double({ min: -1e9, max: 1e9, noNaN: true }),
        fc.double({ min: -10, max: 1e6, noNaN: true }),
        (costMs, lagMs, elapsedMs) => {
          const next = nextPrice({ costMs }, lagMs, elapsedMs, options).costMs;
          expect(next).toBeGreaterThanOrEqual(1000);
          expect(next).toBeLessThanOrEqual(1e7);
          const moved = Math.sign(Math.log(next / costMs) * lagMs);
          expect(moved).toBeGreaterThanOrEqual(Math.abs(next - costMs) < 1e-6 ? -1 : 0);
        },
      ),
      { seed: 1 },
    );
  });

  it('settles where demand, which falls as 1/√price, meets the quota', () => {
    // Demand 100/√(price/1 s) looks a second against 20 permits: the balance is a price of 25 s.
    let state = { costMs: 1000 };
    let backlog = 0;
    for (let step = 0; step < 60_000; step += 1) {
      backlog = Math.max(-40, backlog + (100 / Math.sqrt(state.costMs / 1000) - 20) * 0.1);
      state = nextPrice(state, (backlog / 20) * 1000, 100, options);
    }
    expect(state.costMs).toBeGreaterThan(12_500);
    expect(state.costMs).toBeLessThan(50_000);
  });
});

describe('which looks are taken', () => {
  const look = fc.record({
    runId: fc.uuid(),
    classKey: fc.constantFrom('short', 'long'),
    dueAtMs: fc.integer({ min: 0, max: 2000 }),
  });

  it('leaves no permit unused while a run waits', () => {
    fc.assert(
      fc.property(
        fc.array(look),
        fc.nat(20),
        fc.double({ min: 0.1, max: 1, noNaN: true }),
        (all, permits, share) => {
          const chosen = chooseLooks(all, permits, 1000, share);
          expect(chosen).toHaveLength(Math.min(permits, all.length));
          expect(new Set(chosen).size).toBe(chosen.length);
        },
      ),
      { seed: 1 },
    );
  });

  it('takes the earliest due first without a cap', () => {
    fc.assert(
      fc.property(fc.array(look, { minLength: 1 }), fc.integer({ min: 1, max: 20 }), (all, permits) => {
        const due = chooseLooks(all, permits, 1000).map(({ dueAtMs }) => dueAtMs);
        const wanted = all.map(({ dueAtMs }) => dueAtMs).toSorted((a, b) => a - b);
        expect(due).toEqual(wanted.slice(0, permits));
      }),
      { seed: 2 },
    );
  });

  it('keeps a class from taking all while another is overdue', () => {
    const shorts = Array.from({ length: 10 }, (_, i) => ({ runId: `s${i}`, classKey: 'short', dueAtMs: i }));
    const longs = Array.from({ length: 10 }, (_, i) => ({
      runId: `l${i}`,
      classKey: 'long',
      dueAtMs: 100 + i,
    }));
    const chosen = chooseLooks([...shorts, ...longs], 10, 1000, 0.7);
    expect(chosen.filter(({ classKey }) => classKey === 'short')).toHaveLength(7);
    expect(chosen.filter(({ classKey }) => classKey === 'long')).toHaveLength(3);
  });
});

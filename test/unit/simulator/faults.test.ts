import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decideFault, faultsSchema, NO_FAULTS } from '../../../src/simulator/faults.ts';
import type { Faults, FaultRule } from '../../../src/simulator/faults.ts';
import { seededRandom } from '../../../src/simulator/random.ts';

const reset = { type: 'reset' } as const;
const lost = { type: 'lost_reply' } as const;

function faultsOf(...rules: FaultRule[]): Faults {
  return { ...NO_FAULTS, rules };
}

/** The types of the faults that `count` calls meet. */
function strikes(faults: Faults, count: number, called: Parameters<typeof decideFault>[0] = 'runs.retrieve') {
  const random = seededRandom(9);
  let inForce = faults;
  return Array.from({ length: count }, () => {
    const decided = decideFault(called, random, inForce);
    inForce = decided.faults;
    return decided.fault?.type ?? null;
  });
}

describe('decideFault', () => {
  it('strikes nobody without rules', () => {
    expect(strikes(NO_FAULTS, 3)).toEqual([null, null, null]);
  });

  it('strikes the operations that are named and no others', () => {
    const faults = faultsOf({ operation: ['runs.create', 'runs.retrieve'], fault: reset });
    expect(strikes(faults, 1)).toEqual(['reset']);
    expect(strikes(faults, 1, 'runs.list')).toEqual([null]);
    expect(strikes(faultsOf({ operation: '*', fault: reset }), 1, 'runs.list')).toEqual(['reset']);
  });

  it('strikes the next n calls, then lets the following rule have its turn', () => {
    const faults = faultsOf(
      { operation: 'runs.retrieve', fault: reset, next: 2 },
      { operation: '*', fault: lost, next: 1 },
    );
    expect(strikes(faults, 4)).toEqual(['reset', 'reset', 'lost_reply', null]);
  });

  it('leaves the faults that it was given as they were', () => {
    const faults = faultsOf({ operation: '*', fault: reset, next: 1 });
    const after = decideFault('runs.list', seededRandom(1), faults).faults;
    expect(faults.rules[0]?.next).toBe(1);
    expect(after.rules[0]?.next).toBe(0);
  });

  it('strikes as often as its probability says', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (probability) => {
        const hits = strikes(faultsOf({ operation: '*', fault: reset, probability }), 2000).filter(Boolean);
        expect(Math.abs(hits.length / 2000 - probability)).toBeLessThan(0.06);
      }),
      { numRuns: 30 },
    );
  });

  it('counts only the calls that were struck when both are given', () => {
    const faults = faultsOf({ operation: '*', fault: reset, probability: 0.5, next: 3 });
    expect(strikes(faults, 100).filter(Boolean)).toHaveLength(3);
  });
});

describe('faultsSchema', () => {
  it('refuses what is no fault', () => {
    for (const rule of [
      { operation: 'runs.destroy', fault: reset },
      { operation: '*', fault: { type: 'http_error', status: 200 } },
      { operation: '*', fault: reset, probability: 2 },
      { operation: '*', fault: { type: 'explode' } },
    ]) {
      expect(faultsSchema.safeParse({ ...NO_FAULTS, rules: [rule] }).success).toBe(false);
    }
  });
});

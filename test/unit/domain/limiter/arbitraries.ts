/** Fleets and their histories, drawn at random: a short window, so that many of them pass in a run. */

import * as fc from 'fast-check';

import { defaultSettings, type LimiterSettings } from '../../../../src/domain/limiter/terms.ts';
import type { FleetEvent, FleetOptions } from './fleet.ts';

export const windowMs = 3000;
export const windowUs = windowMs * 1000;

function withDefaults(some: Partial<LimiterSettings>): LimiterSettings {
  return { ...defaultSettings, ...some };
}

export const settings = fc
  .record({
    requests: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 20, max: 600 })),
    headroomShare: fc.constantFrom(0, 0.003, 0.05),
    jitterMs: fc.integer({ min: 10, max: 150 }),
    bookMs: fc.integer({ min: 20, max: 180 }),
    contactMs: fc.integer({ min: 50, max: 800 }),
    horizonMs: fc.integer({ min: 200, max: 3000 }),
  })
  .map((some): LimiterSettings => withDefaults({ windowMs, ...some }));

const worker = fc.record({
  skewMs: fc.integer({ min: -600_000, max: 600_000 }),
  driftPpm: fc.integer({ min: -100, max: 100 }),
  replyMs: fc.integer({ min: 0, max: 20 }),
});
export const asks = fc.record({
  type: fc.constant('asks' as const),
  worker: fc.nat(3),
  classIndex: fc.nat(4),
  count: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 10, max: 100 })),
  tokens: fc.constant(0),
});
export const crash = fc.record({ type: fc.constant('crash' as const), worker: fc.nat(3) });
export const lose = fc.record({ type: fc.constant('lose' as const), keepsState: fc.boolean() });
export const pause = fc.record({
  type: fc.constant('pause' as const),
  forMs: fc.integer({ min: 1, max: 2000 }),
});

export function history(...others: fc.WeightedArbitrary<FleetEvent>[]): fc.Arbitrary<FleetOptions['events']> {
  return fc.array(
    fc.record({
      afterMs: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 2000 })),
      event: fc.oneof({ weight: 10, arbitrary: asks }, ...others),
    }),
    { minLength: 1, maxLength: 25 },
  );
}

export function draws(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export const fleet = {
  workers: fc.array(worker, { minLength: 1, maxLength: 4 }),
  seed: fc.nat(),
};

import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { crash, draws, fleet, history, lose, pause, settings, windowUs } from './arbitraries.ts';
import { type FleetEvent, simulate, worstWindow } from './fleet.ts';

test('no window holds more than the limit: any arrivals, clocks and crashes', () => {
  fc.assert(
    fc.property(
      settings,
      fleet.workers,
      history({ weight: 2, arbitrary: crash }, { weight: 1, arbitrary: pause }),
      fleet.seed,
      (chosen, workers, events, seed) => {
        const { arrivals } = simulate({
          settings: chosen,
          workers,
          events,
          random: draws(seed),
          tailMs: 4000,
        });
        expect(worstWindow(arrivals, windowUs, () => 1)).toBeLessThanOrEqual(chosen.requests ?? 0);
      },
    ),
    { numRuns: 120 },
  );
});

test('no window holds more than the limit when Redis restarts, with or without its state', () => {
  fc.assert(
    fc.property(
      settings,
      fleet.workers,
      history({ weight: 2, arbitrary: lose }, { weight: 1, arbitrary: crash }),
      fleet.seed,
      (chosen, workers, events, seed) => {
        const { arrivals } = simulate({
          settings: chosen,
          workers,
          events,
          random: draws(seed),
          tailMs: 6000,
        });
        expect(worstWindow(arrivals, windowUs, () => 1)).toBeLessThanOrEqual(chosen.requests ?? 0);
      },
    ),
    { numRuns: 120 },
  );
});

test('quotas of single classes hold, apart from the shared one', () => {
  fc.assert(
    fc.property(settings, fleet.workers, history(), fleet.seed, (chosen, workers, events, seed) => {
      const own = { ...chosen, classRequests: { create: 7, look: 120, cancel: 3 } };
      const { arrivals } = simulate({ settings: own, workers, events, random: draws(seed), tailMs: 4000 });
      const of = (...indexes: number[]): number =>
        worstWindow(arrivals, windowUs, ({ classIndex }) => (indexes.includes(classIndex) ? 1 : 0));
      expect(of(0)).toBeLessThanOrEqual(7);
      expect(of(1)).toBeLessThanOrEqual(120);
      expect(of(3)).toBeLessThanOrEqual(3);
      expect(of(2, 4)).toBeLessThanOrEqual(chosen.requests ?? 0);
    }),
    { numRuns: 100 },
  );
});

test('after a lower limit, nothing new is sent into a window that is full under it', () => {
  fc.assert(
    fc.property(
      settings,
      fleet.workers,
      history(),
      fc.integer({ min: 1, max: 99 }),
      fc.nat(24),
      fleet.seed,
      (chosen, workers, events, percent, at, seed) => {
        const requests = Math.max(1, Math.floor(((chosen.requests ?? 0) * percent) / 100));
        const before = events.slice(0, at);
        // One ask, so that the change takes place at a known time.
        const change: FleetEvent = { type: 'limit', requests };
        const first: FleetEvent = { type: 'asks', worker: 0, classIndex: 1, count: 1, tokens: 0 };
        const all = [
          ...before,
          { afterMs: 5, event: change },
          { afterMs: 0, event: first },
          ...events.slice(at),
        ];
        const changedAtUs =
          1_760_000_000_000_000 +
          [...before, { afterMs: 5 }].reduce((sum, { afterMs }) => sum + afterMs * 1000, 0);
        const { arrivals } = simulate({
          settings: chosen,
          workers,
          events: all,
          random: draws(seed),
          tailMs: 6000,
        });
        for (const [i, { atUs, bookedAtUs }] of arrivals.entries()) {
          if (bookedAtUs < changedAtUs) continue;
          const inWindow = arrivals.slice(0, i + 1).filter((other) => other.atUs > atUs - windowUs).length;
          expect(inWindow).toBeLessThanOrEqual(requests);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('tokens: no window holds more than the limit, whoever dies', () => {
  const limit = 10_000;
  const withTokens = fc.record({
    type: fc.constant('asks' as const),
    worker: fc.nat(3),
    classIndex: fc.constant(0),
    count: fc.integer({ min: 1, max: 9 }),
    tokens: fc.integer({ min: 1, max: 4000 }),
  });
  const events = fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 1500 }),
      event: fc.oneof({ weight: 8, arbitrary: withTokens }, { weight: 1, arbitrary: crash }),
    }),
    { minLength: 1, maxLength: 25 },
  );
  fc.assert(
    fc.property(settings, fleet.workers, events, fleet.seed, (chosen, workers, chosenEvents, seed) => {
      const { arrivals, state } = simulate({
        settings: { ...chosen, tokens: limit },
        workers,
        events: chosenEvents,
        random: draws(seed),
        tailMs: 8000,
      });
      expect(worstWindow(arrivals, windowUs, ({ tokens }) => tokens)).toBeLessThanOrEqual(limit);
      for (const cell of state?.tokenUse.values() ?? []) expect(cell.tokens).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 100 },
  );
});

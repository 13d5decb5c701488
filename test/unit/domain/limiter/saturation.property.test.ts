import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { classAt, isUrgent } from '../../../../src/domain/limiter/classes.ts';
import { defaultSettings, type LimiterSettings } from '../../../../src/domain/limiter/terms.ts';
import { draws, fleet, windowMs, windowUs } from './arbitraries.ts';
import { type FleetEvent, type FleetOptions, simulate, worstWindow } from './fleet.ts';

/** Three workers that ask for somewhat more than there is, all the time. */
function crowd(requests: number, forMs: number, urgent: number): FleetOptions['events'] {
  const everyMs = 25;
  const count = Math.ceil(((requests / windowMs) * everyMs * 1.3) / 3);
  return Array.from({ length: forMs / everyMs }, (_, i) => i).flatMap((i) =>
    [0, 1, 2].map((at) => ({
      afterMs: at === 0 ? everyMs : 0,
      event: {
        type: 'asks' as const,
        worker: at,
        classIndex: (i + at) % 40 < urgent ? 3 : 1,
        count,
        tokens: 0,
      },
    })),
  );
}
const steady = Array.from({ length: 3 }, () => ({ skewMs: 0, driftPpm: 0, replyMs: 1 }));
const saturated: LimiterSettings = {
  ...defaultSettings,
  windowMs,
  jitterMs: 30,
  bookMs: 180,
  contactMs: 400,
};

test('a saturated limiter holds its limit through restarts and urgent calls, and uses it', () => {
  const cases = fc.record({
    requests: fc.integer({ min: 300, max: 900 }),
    urgent: fc.integer({ min: 0, max: 20 }),
    headroomShare: fc.constantFrom(0, 0.003, 0.03),
    lossAt: fc.option(fc.integer({ min: 100, max: 250 })),
    keepsState: fc.boolean(),
  });
  fc.assert(
    fc.property(cases, fleet.seed, ({ requests, urgent, headroomShare, lossAt, keepsState }, seed) => {
      const events = [...crowd(requests, 9000, urgent)];
      if (lossAt !== null) events.splice(lossAt * 3, 0, { afterMs: 0, event: { type: 'lose', keepsState } });
      const chosen = { ...saturated, requests, headroomShare };
      const { arrivals } = simulate({
        settings: chosen,
        workers: steady,
        events,
        random: draws(seed),
        tailMs: 0,
        timersLate: 0.5,
      });
      const worst = worstWindow(arrivals, windowUs, () => 1);
      expect(worst).toBeLessThanOrEqual(requests);
      const usable = requests * (1 - saturated.jitterMs / windowMs) * (1 - headroomShare);
      expect(worst).toBeGreaterThanOrEqual(Math.floor(usable * 0.985) - 1);
    }),
    { numRuns: 12 },
  );
});

test('an urgent call does not wait for those that came before it, up to the headroom', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 400, max: 3000 }),
      fc.integer({ min: 1, max: 9 }),
      fleet.seed,
      (requests, urgent, seed) => {
        const chosen = { ...defaultSettings, requests, headroomShare: 0.03 };
        const looks: FleetEvent = { type: 'asks', worker: 0, classIndex: 1, count: 150, tokens: 0 };
        const cancel: FleetEvent = {
          type: 'asks',
          worker: 1,
          classIndex: 3,
          count: urgent,
          tokens: 0,
        };
        const events = [
          { afterMs: 0, event: looks },
          { afterMs: 4000, event: looks },
          { afterMs: 10, event: cancel },
        ];
        const workers = [
          { skewMs: 0, driftPpm: 0, replyMs: 1 },
          { skewMs: 9999, driftPpm: 0, replyMs: 1 },
        ];
        const { arrivals } = simulate({
          settings: chosen,
          workers,
          events,
          random: draws(seed),
          tailMs: 1000,
          timersLate: 0.5,
        });
        const ofUrgent = arrivals.filter(({ classIndex }) => isUrgent(classAt(classIndex)));
        expect(ofUrgent).toHaveLength(urgent);
        for (const { atUs, bookedAtUs } of ofUrgent)
          expect(atUs - bookedAtUs).toBeLessThan(chosen.jitterMs * 1000);
      },
    ),
    { numRuns: 50 },
  );
});

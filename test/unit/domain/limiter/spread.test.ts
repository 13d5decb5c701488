import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shareLeft } from '../../../../src/domain/limiter/spread.ts';
import { emptyAccount } from '../../../../src/domain/limiter/state.ts';
import { defaultSettings, termsOf } from '../../../../src/domain/limiter/terms.ts';
import { type QuotaView, viewOf } from '../../../../src/domain/limiter/view.ts';

const nowMs = 1_000_000;
const nobody = { runs: 0, tokens: 0 };
const untouched = viewOf(
  emptyAccount(),
  termsOf({ ...defaultSettings, requests: 0, tokens: 0 }),
  nowMs * 1000,
);

function aView({
  limit = 100,
  used = 0,
  ...patch
}: Partial<QuotaView> & { limit?: number; used?: number } = {}) {
  const requests = { limit, used, usedRatio: used / limit, source: 'configured' } as const;
  return { ...untouched, requests, ...patch };
}

const busy = (patch: Partial<QuotaView['classes']['look']>) => ({ ...untouched.classes.look, ...patch });

describe('what is left of a quota', () => {
  it.each<[string, QuotaView, typeof nobody, number]>([
    ['all of one without a limit', untouched, { runs: 9, tokens: 9 }, 1],
    ['a share of the calls', aView({ used: 25 }), nobody, 0.75],
    ['less what was just sent', aView({ used: 25 }), { runs: 5, tokens: 0 }, 0.7],
    [
      'less who has a slot, or waits for one',
      aView({ classes: { ...untouched.classes, look: busy({ booked: 10, queued: 140 }) } }),
      nobody,
      -0.5,
    ],
    [
      'of the unit that has least',
      aView({ used: 25, tokens: { limit: 1000, used: 600, usedRatio: 0.6, source: 'configured' } }),
      { runs: 1, tokens: 300 },
      0.1,
    ],
    [
      'of the creates, where they are counted apart',
      aView({ classes: { ...untouched.classes, create: busy({ limit: 10, usedInWindow: 5 }) } }),
      { runs: 1, tokens: 0 },
      0.4,
    ],
    ['nothing in a pause, as long as it lasts', aView({ pausedUntilMs: nowMs + 30_000 }), nobody, -0.5],
    ['all again after it', aView({ pausedUntilMs: nowMs - 1 }), nobody, 1],
  ])('is %s', (_, view, sent, share) => {
    expect(shareLeft(view, sent, nowMs)).toBeCloseTo(share, 10);
  });

  it('never grows with use', () => {
    const count = fc.nat({ max: 1000 });
    fc.assert(
      fc.property(count, count, count, fc.integer({ min: 1, max: 1000 }), (used, runs, more, limit) => {
        const view = aView({ used, limit });
        expect(shareLeft(view, { runs: runs + more, tokens: 0 }, nowMs)).toBeLessThanOrEqual(
          shareLeft(view, { runs, tokens: 0 }, nowMs),
        );
      }),
    );
  });
});

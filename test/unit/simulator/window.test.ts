import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { LedgerBook } from '../../../src/simulator/ledger.ts';
import { goDuration, RateLimiter } from '../../../src/simulator/rate-limit.ts';
import { SlidingWindow, WINDOW_MS } from '../../../src/simulator/window.ts';

/** Arrival times over some minutes: bursts, lulls, and many in the same millisecond. */
const arrivals = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 500 }), fc.integer({ min: 500, max: 45_000 })), {
    maxLength: 300,
  })
  .map((gaps) => {
    let now = 1_000_000;
    return gaps.map((gap) => (now += gap));
  });

function within(times: readonly number[], nowMs: number): number[] {
  return times.filter((time) => time > nowMs - WINDOW_MS && time <= nowMs);
}

describe('SlidingWindow', () => {
  it('sums what a brute-force count sums', () => {
    fc.assert(
      fc.property(arrivals, (times) => {
        const window = new SlidingWindow();
        for (const [i, time] of times.entries()) {
          window.add(time, i + 1);
          const expected = times
            .slice(0, i + 1)
            .reduce((sum, other, j) => (other > time - WINDOW_MS ? sum + j + 1 : sum), 0);
          expect(window.sum(time)).toBe(expected);
        }
      }),
    );
  });

  it('says when enough has left', () => {
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 50 }), (times, wanted) => {
        const window = new SlidingWindow();
        for (const time of times) window.add(time);
        const now = times.at(-1) ?? 0;
        const before = window.sum(now);
        const waitMs = window.msUntilFreed(now, Math.min(wanted, before));
        expect(before - window.sum(now + waitMs)).toBeGreaterThanOrEqual(Math.min(wanted, before));
        expect(window.sum(now + window.msUntilEmpty(now))).toBe(0);
      }),
    );
  });
});

describe('the ledger’s worst window', () => {
  it('is the busiest minute that a brute-force search finds', () => {
    fc.assert(
      fc.property(arrivals, (times) => {
        const book = new LedgerBook(0);
        for (const time of times) book.arrived(time);
        const { worstWindow } = book.read([], 0, false);
        const worst = Math.max(0, ...times.map((time) => within(times, time).length));
        expect(worstWindow.calls).toBe(worst);
        expect(within(times, worstWindow.endedAtMs ?? 0)).toHaveLength(worst);
      }),
    );
  });
});

function tryAdmit(limiter: RateLimiter, limits: { rpm: number; tpm: number }, tokens: number, nowMs: number) {
  try {
    limiter.admit({ requestsPerMinute: limits.rpm, tokensPerMinute: limits.tpm }, tokens, nowMs);
    return null;
  } catch (error) {
    return error;
  }
}

describe('RateLimiter', () => {
  it('never admits more than the limit in any minute, and always as much', () => {
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 20 }), (times, rpm) => {
        const limiter = new RateLimiter();
        const admitted: number[] = [];
        for (const time of times) {
          const free = within(admitted, time).length < rpm;
          expect(tryAdmit(limiter, { rpm, tpm: 0 }, 0, time) === null).toBe(free);
          if (free) admitted.push(time);
        }
      }),
    );
  });

  it('names the time at which the next call is admitted', () => {
    const limiter = new RateLimiter();
    expect(tryAdmit(limiter, { rpm: 2, tpm: 0 }, 0, 0)).toBeNull();
    expect(tryAdmit(limiter, { rpm: 2, tpm: 0 }, 0, 10_000)).toBeNull();
    expect(tryAdmit(limiter, { rpm: 2, tpm: 0 }, 0, 20_500)).toMatchObject({
      status: 429,
      body: { error: { code: 'rate_limit_exceeded', type: 'requests' } },
      headers: { 'retry-after': '40', 'retry-after-ms': '39500' },
    });
    expect(tryAdmit(limiter, { rpm: 2, tpm: 0 }, 0, 60_000)).toBeNull();
  });

  it('counts tokens, and takes no request for one that lacks them', () => {
    const limiter = new RateLimiter();
    const limits = { rpm: 2, tpm: 100 };
    expect(tryAdmit(limiter, limits, 60, 0)).toBeNull();
    expect(tryAdmit(limiter, limits, 60, 1)).toMatchObject({
      status: 429,
      body: { error: { type: 'tokens' } },
      headers: { 'retry-after-ms': '59999' },
    });
    expect(tryAdmit(limiter, limits, 40, 2)).toBeNull();
    expect(limiter.headers({ requestsPerMinute: 2, tokensPerMinute: 100 }, 2)).toEqual({
      'x-ratelimit-limit-requests': '2',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '1m0s',
      'x-ratelimit-limit-tokens': '100',
      'x-ratelimit-remaining-tokens': '0',
      'x-ratelimit-reset-tokens': '1m0s',
    });
  });

  it('names no time for a request that is larger than a minute’s tokens', () => {
    expect(tryAdmit(new RateLimiter(), { rpm: 0, tpm: 10 }, 11, 0)).toMatchObject({
      status: 429,
      headers: {},
    });
  });

  it('sends no headers for what is unlimited', () => {
    expect(new RateLimiter().headers({ requestsPerMinute: 0, tokensPerMinute: 0 }, 0)).toEqual({});
  });
});

describe('goDuration', () => {
  it.each([
    [0, '0s'],
    [12, '12ms'],
    [1000, '1s'],
    [1500, '1.5s'],
    [59_999, '59.999s'],
    [360_000, '6m0s'],
    [61_200, '1m1.2s'],
    [3_600_000, '1h0m0s'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(goDuration(ms)).toBe(text);
  });
});

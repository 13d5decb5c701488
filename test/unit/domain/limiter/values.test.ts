import { describe, expect, test } from 'vitest';

import {
  parseDurationMs,
  type RateHeaders,
  readRateHeaders,
} from '../../../../src/domain/limiter/headers.ts';
import { cameBack, firstLead, leadMs } from '../../../../src/domain/limiter/lead.ts';
import { heard, redisTimeUs, unknownClock } from '../../../../src/domain/limiter/redis-clock.ts';
import { headroomOf, reachUs, spacingUs } from '../../../../src/domain/limiter/spacing.ts';
import { defaultSettings, termsOf } from '../../../../src/domain/limiter/terms.ts';
import { readTicket, slotPhase, writeTicket } from '../../../../src/domain/limiter/ticket.ts';

function read(headers: Record<string, string>): RateHeaders {
  return readRateHeaders((name) => headers[name]);
}

describe('headers', () => {
  test.each([
    ['1s', 1000],
    ['6m0s', 360_000],
    ['12ms', 12],
    ['1h0m0.5s', 3_600_500],
    ['8.64s', 8640],
    ['250µs', 0.25],
    ['0s', 0],
    ['30', 30_000],
    [' 2s ', 2000],
    ['', null],
    ['soon', null],
    ['1s2', null],
    ['-1s', null],
    ['1 s', null],
    ['NaN', null],
    [null, null],
    [undefined, null],
  ])('the duration %j is %j ms', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  test('what is missing or makes no sense is null', () => {
    expect(
      read({
        'x-ratelimit-limit-requests': '3000',
        'x-ratelimit-remaining-requests': '2999',
        'x-ratelimit-reset-requests': '20ms',
        'x-ratelimit-limit-tokens': 'unlimited',
        'x-ratelimit-remaining-tokens': '-5',
        'x-ratelimit-reset-tokens': 'x',
        'retry-after': '7',
      }),
    ).toEqual({
      limitRequests: 3000,
      remainingRequests: 2999,
      resetRequestsMs: 20,
      limitTokens: null,
      remainingTokens: null,
      resetTokensMs: null,
      retryAfterMs: 7000,
    });
    expect(read({ 'retry-after-ms': '150', 'retry-after': '1' }).retryAfterMs).toBe(150);
    expect(read({ 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }).retryAfterMs).toBeNull();
    expect(read({ 'retry-after-ms': '', 'retry-after': '1' }).retryAfterMs).toBe(1000);
    expect(read({ 'x-ratelimit-limit-requests': '9'.repeat(30) }).limitRequests).toBeNull();
  });
});

describe('tickets', () => {
  const ticket = {
    sinceUs: 1_760_000_000_000_001,
    slotUs: 1_760_000_000_500_000,
    dueUs: 1_760_000_000_400_000,
    epoch: 'b21856281247e5d118de09d065e1953b8b8294e4',
    classIndex: 1,
  };

  test('come back as they were', () => {
    expect(readTicket(writeTicket(ticket))).toEqual(ticket);
    expect(readTicket(writeTicket({ ...ticket, slotUs: null }))).toEqual({ ...ticket, slotUs: null });
  });

  test.each([null, '', 'x', '1.9.a.b.c.d', `2${writeTicket(ticket).slice(1)}`, `${writeTicket(ticket)}.x`])(
    'what is not ours is nothing: %j',
    (text) => {
      expect(readTicket(text)).toBeNull();
    },
  );

  test('a slot is never used early, and late only by our part of the jitter', () => {
    expect(slotPhase(1000, 999, 200)).toBe('early');
    expect(slotPhase(1000, 1000, 200)).toBe('open');
    expect(slotPhase(1000, 1200, 200)).toBe('open');
    expect(slotPhase(1000, 1201, 200)).toBe('stale');
  });
});

describe("Redis's clock", () => {
  test('errs by the fastest reply, and never ahead', () => {
    let clock = unknownClock;
    expect(redisTimeUs(clock, 5)).toBeNull();
    // True difference: 1,000,000. Replies took 300, 20 and 500.
    clock = heard(clock, 2_000_000, 1_000_300 + 0);
    clock = heard(clock, 3_000_000, 2_000_020);
    clock = heard(clock, 4_000_000, 3_000_500);
    expect(redisTimeUs(clock, 3_000_500)).toBe(4_000_480);
  });

  test('forgets what was heard long ago, since clocks drift apart', () => {
    let clock = heard(unknownClock, 1_000_000, 0);
    clock = heard(clock, 41_000_000, 40_000_100);
    expect(redisTimeUs(clock, 40_000_100)).toBe(41_000_000);
  });
});

describe('how early a parked call is woken', () => {
  test('follows how late the queue wakes its jobs', () => {
    let lead = firstLead;
    for (let i = 0; i < 50; i++) lead = cameBack(lead, 80 + (i % 2) * 20);
    expect(leadMs(lead)).toBeGreaterThan(100);
    expect(leadMs(lead)).toBeLessThan(200);
    for (let i = 0; i < 100; i++) lead = cameBack(lead, 1);
    expect(leadMs(lead)).toBe(20);
    expect(leadMs(cameBack(firstLead, 1e9))).toBeLessThanOrEqual(2000);
  });
});

describe('spacing', () => {
  test.each([1, 2, 7, 60, 500, 3000, 10_000, 100_000])('%d calls a minute fit, and hardly more', (limit) => {
    const terms = termsOf({ ...defaultSettings, requests: limit });
    const calls = limit - headroomOf(limit, terms);
    const spacing = spacingUs(calls, terms);
    const most = Math.floor((terms.windowUs + terms.jitterUs) / spacing) + 1;
    expect(most).toBeLessThanOrEqual(calls);
    expect(terms.windowUs / spacing).toBeGreaterThan(calls * 0.985);
    expect(reachUs(spacing, terms)).toBeLessThanOrEqual(terms.windowUs / 10);
  });

  test.each([
    { windowMs: 500 },
    { jitterMs: 0 },
    { jitterMs: 7000 },
    { bookMs: 0 },
    { contactMs: 0 },
    { headroomShare: 0.5 },
    { requests: -1 },
    { requests: 1.5 },
    { classRequests: { look: -3 } },
    { weights: { create: 0, look: 1, other: 1 } },
    { initialRequests: 0 },
  ])('settings under which nothing can be promised are refused: %j', (wrong) => {
    expect(() => termsOf({ ...defaultSettings, ...wrong })).toThrow(RangeError);
  });
});

import { describe, expect, it } from 'vitest';
import { networkCode, parseRetryAfter, realTiming, retryDelayMs } from '../../../src/client/retry.ts';

describe('the delay before the next attempt', () => {
  it.each([
    { attempt: 1, random: 0, expected: 125 },
    { attempt: 1, random: 1, expected: 250 },
    { attempt: 3, random: 1, expected: 1000 },
    { attempt: 6, random: 1, expected: 8000 },
    { attempt: 60, random: 1, expected: 8000 },
  ])('attempt $attempt, draw $random: $expected ms', ({ attempt, random, expected }) => {
    expect(retryDelayMs(attempt, null, random)).toBe(expected);
  });

  it.each([
    { retryAfterMs: 0, expected: 0 },
    { retryAfterMs: 7000, expected: 7000 },
    { retryAfterMs: 60_000, expected: 60_000 },
    { retryAfterMs: 60_001, expected: null },
  ])('Retry-After of $retryAfterMs ms beats the backoff, without jitter', ({ retryAfterMs, expected }) => {
    expect(retryDelayMs(5, retryAfterMs, 0.3)).toBe(expected);
  });
});

it.each([
  [null, null],
  ['3', 3000],
  ['0.5', 500],
  ['Fri, 20 Nov 2026 04:00:10 GMT', 10_000],
  ['Fri, 20 Nov 2026 03:00:00 GMT', 0],
  ['soon', null],
  ['-1', null],
  ['', null],
])('reads Retry-After: %j as %j', (header, expected) => {
  expect(parseRetryAfter(header, Date.parse('2026-11-20T04:00:00Z'))).toBe(expected);
});

it('finds the code of the system below what fetch throws', () => {
  const system = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  expect(networkCode(new TypeError('fetch failed', { cause: system }))).toBe('ECONNREFUSED');
  expect(networkCode(new TypeError('fetch failed'))).toBeNull();
});

describe('the real sleep', () => {
  it('ends with the reason of the signal', async () => {
    const controller = new AbortController();
    const sleeping = realTiming.sleep(3_600_000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
    await expect(realTiming.sleep(3_600_000, controller.signal)).rejects.toThrow('enough');
  });

  it('ends by itself', async () => {
    await expect(realTiming.sleep(1)).resolves.toBeUndefined();
  });
});

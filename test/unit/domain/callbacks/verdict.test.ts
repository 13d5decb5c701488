import { assert, double, integer, oneof, constant, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callbackTries, type TryResult, verdictOf } from '../../../../src/domain/callbacks/verdict.ts';

const answered = (status: number, retryAfterMs: number | null = null): TryResult => ({
  answered: true,
  status,
  retryAfterMs,
});
const failed = (reason: string): TryResult => ({ answered: false, reason, code: reason });
const hour = 3_600_000;
const middle = 0.5;

describe('a try', () => {
  it.each([200, 201, 202, 204, 299])('answered %s has delivered', (status) => {
    expect(verdictOf(answered(status), 1, middle)).toEqual({ type: 'delivered' });
  });

  it.each([301, 302, 307, 308, 400, 401, 404, 429, 500, 503])('answered %s has failed', (status) => {
    expect(verdictOf(answered(status), 1, middle)).toMatchObject({
      type: 'again',
      reason: `answered ${status}`,
    });
  });

  it('answered 410 is the last', () => {
    expect(verdictOf(answered(410), 1, middle)).toMatchObject({ type: 'dead', result: 'gone' });
  });

  it.each(['blocked', 'invalid_url'])('to a place that is %s is the last', (reason) => {
    expect(verdictOf(failed(reason), 1, middle)).toMatchObject({ type: 'dead', result: 'blocked' });
  });

  it.each(['timeout', 'connection', 'tls'])('that met %s has failed', (reason) => {
    expect(verdictOf(failed(reason), 1, middle)).toMatchObject({ type: 'again', reason });
  });
});

describe('the waits', () => {
  it.each([
    [1, 5000],
    [2, 5 * 60_000],
    [3, 30 * 60_000],
    [4, 2 * hour],
    [5, 5 * hour],
    [6, 10 * hour],
    [7, 10 * hour],
  ])('after try %s: %s ms', (tried, delayMs) => {
    expect(verdictOf(answered(500), tried, middle)).toMatchObject({ type: 'again', delayMs });
  });

  it('end with the eighth try', () => {
    expect(callbackTries).toBe(8);
    expect(verdictOf(answered(500), 8, middle)).toMatchObject({ type: 'dead', result: 'exhausted' });
  });

  it('are spread, never shorter than the endpoint asks, and bounded whatever it asks', () => {
    const someTime = double({ min: 0, max: 1e12, noNaN: true });
    const someTry = record({
      tried: integer({ min: 1, max: 7 }),
      random: double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      retryAfterMs: oneof(constant(null), someTime),
    });
    assert(
      property(someTry, ({ tried, random, retryAfterMs }) => {
        const planned = verdictOf(answered(503), tried, middle);
        const verdict = verdictOf(answered(503, retryAfterMs), tried, random);
        if (planned.type !== 'again' || verdict.type !== 'again') throw new Error('not the last try');
        expect(verdict.delayMs).toBeGreaterThanOrEqual(
          Math.max(planned.delayMs * 0.9 - 1, Math.floor(Math.min(retryAfterMs ?? 0, 10 * hour))),
        );
        expect(verdict.delayMs).toBeLessThanOrEqual(11 * hour);
      }),
    );
  });
});

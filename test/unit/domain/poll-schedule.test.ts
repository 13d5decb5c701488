import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  backoffDelayMs,
  type BackoffOptions,
  backoffSchedule,
  defaultBackoff,
} from '../../../src/domain/poll-schedule.ts';

const steady: BackoffOptions = { ...defaultBackoff, jitter: 0 };

describe('backoffDelayMs', () => {
  it.each([
    [0, 500],
    [1, 750],
    [2, 1125],
    [3, 1688],
    [4, 2531],
    [5, 3797],
    [6, 5000],
    [7, 5000],
    [1_000_000, 5000],
  ])('delay %i is %i ms at the defaults, without jitter', (n, delayMs) => {
    expect(backoffDelayMs(steady, n, 0.5)).toBe(delayMs);
  });

  it.each([
    [0, 450],
    [0.25, 475],
    [0.5, 500],
    [0.75, 525],
  ])('spreads the first delay by a draw of %d to %i ms', (random, delayMs) => {
    expect(backoffDelayMs(defaultBackoff, 0, random)).toBe(delayMs);
  });

  it('stays constant with a factor of 1', () => {
    expect([0, 5, 500].map((n) => backoffDelayMs({ ...steady, factor: 1 }, n, 0))).toEqual([500, 500, 500]);
  });

  const options = fc.record({
    initialMs: fc.integer({ min: 1, max: 60_000 }),
    factor: fc.double({ min: 1, max: 10, noNaN: true }),
    maxMs: fc.integer({ min: 1, max: 600_000 }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const n = fc.nat({ max: 10_000 });

  it('is a whole number of milliseconds, at least one, within the jitter of its bounds', () => {
    fc.assert(
      fc.property(options, n, random, (given, times, draw) => {
        const delayMs = backoffDelayMs(given, times, draw);
        expect(Number.isInteger(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(1);
        expect(delayMs).toBeLessThanOrEqual(Math.ceil(given.maxMs * (1 + given.jitter)));
        const least = Math.min(given.initialMs, given.maxMs) * (1 - given.jitter);
        expect(delayMs).toBeGreaterThanOrEqual(Math.floor(least));
      }),
    );
  });

  it('never shrinks from one look to the next, for the same draw', () => {
    fc.assert(
      fc.property(options, n, random, (given, times, draw) => {
        expect(backoffDelayMs(given, times + 1, draw)).toBeGreaterThanOrEqual(
          backoffDelayMs(given, times, draw),
        );
      }),
    );
  });
});

describe('backoffSchedule', () => {
  it('goes by the looks alone', () => {
    const schedule = backoffSchedule(steady);
    expect(schedule.delayMs({ ageMs: 0, looks: 0, random: 0.5 })).toBe(500);
    expect(schedule.delayMs({ ageMs: 99_999, looks: 0, random: 0.5 })).toBe(500);
    expect(schedule.delayMs({ ageMs: 0, looks: 2, random: 0.5 })).toBe(1125);
  });
});

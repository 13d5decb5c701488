/** Looks that fail: nothing but a lasting, definite "no" ends a run before its deadline. */

import { describe, expect, it } from 'vitest';
import { defaultPolicy } from '../../../src/domain/policy.ts';
import { aFault, following, running, t0 } from '../../support/fakes/builders.ts';
import { decideAt, faulted, outcomeOf, replied, waitOf, waits } from './given.ts';

const { notFoundGraceMs, unauthorizedGraceMs } = defaultPolicy;

const after = (faultStreak: number) =>
  waitOf(decideAt(0, following({ faultStreak }), faulted('retrieve', aFault('unavailable'))));

const wait = (random: number) =>
  waitOf(decideAt(0, following(), faulted('retrieve', aFault('unavailable')), { random }));

describe('a look that fails', () => {
  it.each([
    'throttled',
    'unavailable',
    'unclear',
    'refused',
    'conflict',
    'unauthorized',
    'not_found',
  ] as const)('%s: the run goes on, and is looked at again', (type) => {
    const decision = decideAt(10_000, following({ looks: 3 }), faulted('retrieve', aFault(type)));
    expect(decision).toMatchObject({
      state: { phase: 'following', faultStreak: 1, looks: 3, lastFault: { type }, lastLookAtMs: t0 },
      next: waits(11_000),
    });
  });

  it('waits longer from fault to fault', () => {
    expect([0, 1, 2, 3, 4, 5, 1000].map(after)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  });

  it.each(['throttled', 'unavailable'] as const)('%s: obeys Retry-After to the letter', (type) => {
    const fault = aFault(type, { retryAfterMs: 90_000 });
    const decision = decideAt(10_000, following({ faultStreak: 9 }), faulted('retrieve', fault), {
      random: 0.99,
    });
    expect(decision.next).toEqual(waits(100_000));
  });

  it('spreads its own waits', () => {
    expect(wait(0)).toBe(900);
    expect(wait(0.75)).toBe(1050);
  });

  it('waits no longer than to the deadline', () => {
    const fault = aFault('throttled', { retryAfterMs: 86_400_000 });
    expect(decideAt(10_000, following(), faulted('retrieve', fault)).next).toEqual(waits(600_000));
  });
});

describe('a run that the provider does not know', () => {
  const unknown = faulted('retrieve', aFault('not_found'));

  it('is given a grace, since the first 404', () => {
    const first = decideAt(10_000, following(), unknown);
    expect(first.state).toMatchObject({ troubleSinceMs: t0 + 10_000 });
    const second = decideAt(40_000, first.state, unknown);
    expect(second).toMatchObject({ state: { troubleSinceMs: t0 + 10_000 }, next: { type: 'wait' } });
  });

  it('is looked at once more just when the grace is over', () => {
    const state = following({ troubleSinceMs: t0 + 10_000, faultStreak: 10 });
    expect(decideAt(60_000, state, unknown).next).toEqual(waits(10_000 + notFoundGraceMs));
  });

  it('is lost when the grace is over', () => {
    const state = following({ troubleSinceMs: t0 + 10_000 });
    expect(decideAt(10_000 + notFoundGraceMs - 1, state, unknown).next.type).toBe('wait');
    const decision = decideAt(10_000 + notFoundGraceMs, state, unknown);
    expect(outcomeOf(decision)).toMatchObject({
      status: 'lost',
      error: { code: 'some_not_found', retryable: true },
    });
    expect(decision.state).toMatchObject({ providerRunId: 'prov-1' });
  });

  it('is given the whole grace anew after it was seen', () => {
    const state = following({ troubleSinceMs: t0 });
    const seen = decideAt(50_000, state, replied('retrieve', running()));
    expect(decideAt(70_000, seen.state, unknown).next.type).toBe('wait');
  });
});

describe('a credential that is refused', () => {
  const refused = faulted('retrieve', aFault('unauthorized'));

  it('may be replaced within a grace: the run exists and is paid for', () => {
    const state = following({ troubleSinceMs: t0 });
    expect(decideAt(unauthorizedGraceMs - 1, state, refused).next.type).toBe('wait');
  });

  it('ends the run after it', () => {
    const decision = decideAt(unauthorizedGraceMs, following({ troubleSinceMs: t0 }), refused);
    expect(outcomeOf(decision)).toMatchObject({
      status: 'rejected',
      error: { code: 'some_unauthorized', retryable: false },
    });
  });
});

/** Whole lives under clocks that jump, either way, in the middle of calls: nothing is lost, doubled or called for ever. */

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultPolicy } from '../../../src/domain/policy.ts';
import { seconds, t0 } from '../../support/fakes/builders.ts';
import { type Life, live, type Plan, type Turn } from './life.ts';
import { plainPlan, smooth } from './plain-life.ts';

const day = seconds(86_400);
// Back by so little that fifteen of them, at a look each few seconds, stay within the steps of a model life.
const jump = fc.constantFrom(
  -seconds(3 * 3600),
  -seconds(3600),
  -seconds(300),
  -seconds(2),
  seconds(61),
  seconds(3600),
  day,
);
const call = fc.constantFrom(10, 200, seconds(2));

const anyTurn: fc.Arbitrary<Turn> = fc.record({
  result: fc.constantFrom('answered', 'answered', 'answered', 'died', 'unclear', 'throttled', 'unavailable'),
  processed: fc.boolean(),
  retryAfterMs: fc.constant(null),
  tookMs: fc.oneof({ weight: 2, arbitrary: call }, { weight: 1, arbitrary: jump }),
  deniedMs: fc.constant(null),
});

/** The provider of these lives keeps our clock, but what it has created it shows, whatever that says. */
function planOf(some: Partial<Plan>): Plan {
  return { ...plainPlan, ...some, rest: smooth, visibleAfterMs: -20 * day };
}

const anyPlan: fc.Arbitrary<Plan> = fc
  .record({
    turns: fc.array(anyTurn, { minLength: 1, maxLength: 15 }),
    durationMs: fc.nat({ max: seconds(900) }),
    separateOutput: fc.boolean(),
    canFind: fc.boolean(),
    expiresAfterMs: fc.option(fc.constant(seconds(600)), { nil: null }),
    cancelAtMs: fc.option(fc.nat({ max: seconds(700) }), { nil: null }),
  })
  .map(planOf);

/** How far the clock was moved while it was looked at. */
const jumped = ({ turns }: Plan, { callsMade }: Life): number =>
  turns
    .slice(0, callsMade)
    .reduce((sum, { tookMs }) => sum + (Math.abs(tookMs) > seconds(10) || tookMs < 0 ? tookMs : 0), 0);

const lives = { numRuns: 500 };

describe('under a clock that jumps, a run', () => {
  it('ends once, and starts one run at the provider', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const life = live(plan);
        expect(life.state).toMatchObject({ phase: 'ended', status: life.outcome.status });
        expect(life.outcome.status).toBeOneOf([
          'completed',
          'cancelled',
          'timed_out',
          'failed',
          'lost',
          'expired',
        ]);
        expect(life.started).toBeLessThanOrEqual(1);
      }),
      lives,
    );
  });

  it('makes no more calls than in the time that really passed', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const life = live(plan);
        const passedMs = life.endedAtMs - t0 - jumped(plan, life);
        expect(life.callsMade).toBeLessThanOrEqual(40 + (passedMs / 1000) * 4);
      }),
      lives,
    );
  });

  it('has times that are times, and no negative durations', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        const { outcome, state } = live(plan);
        expect(outcome.detectionDelayMs ?? 0).toBeGreaterThanOrEqual(0);
        expect(new Date(outcome.completedAtMs ?? t0).getTime()).not.toBeNaN();
        const looks = state.phase === 'ended' ? (state.lookLog ?? []) : [];
        expect(looks.every(([ageMs]) => ageMs >= 0)).toBe(true);
      }),
      lives,
    );
  });

  it('is done soon after its clock was set back by an hour while it was looked at', () => {
    const back: Turn = { ...smooth, tookMs: -seconds(3600) };
    const life = live({ ...plainPlan, turns: [smooth, smooth, back] });
    expect(life.outcome.status).toBe('completed');
    const passedMs = life.endedAtMs - t0 + seconds(3600);
    // The provider of this model keeps the same clock, so it needs the hour as well.
    expect(passedMs).toBeLessThan(seconds(3600) + plainPlan.durationMs + defaultPolicy.faultBackoff.maxMs);
  });
});

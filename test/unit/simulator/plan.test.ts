import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  endedAtMs,
  isTerminal,
  phaseAt,
  planCancel,
  planNextLeg,
  planRun,
} from '../../../src/simulator/plan.ts';
import type { Outcome, Plan } from '../../../src/simulator/plan.ts';

/** Created at 1000, in progress from 1100, at its outcome at 1500, expires at 601000. */
function plan(outcome: Outcome, changes: Partial<Parameters<typeof planRun>[0]> = {}): Plan {
  return planRun({
    nowMs: 1000,
    queueMs: 100,
    durationMs: 500,
    expiresAfterMs: 600_000,
    outcome,
    ...changes,
  });
}

function phases(of: Plan, times: readonly number[]): string[] {
  return times.map((time) => phaseAt(of, time).phase);
}

describe('a run that is left alone', () => {
  it.each(['completed', 'failed', 'incomplete', 'cancelled', 'lost', 'expired'] as const)(
    'is queued, in progress, then %s',
    (outcome) => {
      expect(phases(plan(outcome), [1000, 1099, 1100, 1499, 1500, 9_999_999])).toEqual([
        'queued',
        'queued',
        'in_progress',
        'in_progress',
        outcome,
        outcome,
      ]);
      expect(endedAtMs(plan(outcome), 1499)).toBeNull();
      expect(endedAtMs(plan(outcome), 99_999)).toBe(1500);
    },
  );

  it('stays in progress when it never ends, until it expires', () => {
    expect(phases(plan('never'), [1100, 600_999, 601_000])).toEqual([
      'in_progress',
      'in_progress',
      'expired',
    ]);
    const immortal = plan('never', { expiresAfterMs: Infinity });
    expect(phaseAt(immortal, Number.MAX_SAFE_INTEGER).phase).toBe('in_progress');
  });

  it('expires on time even when its end would come later', () => {
    expect(endedAtMs(plan('completed', { durationMs: 700_000 }), 800_000)).toBe(601_000);
  });

  it('reads queued at the moment of its creation even when it takes no time', () => {
    const instant = plan('completed', { durationMs: 0 });
    expect(phases(instant, [1000, 1001])).toEqual(['queued', 'completed']);
  });

  it('is never queued for longer than it lasts', () => {
    expect(phases(plan('completed', { queueMs: 9999 }), [1499, 1500])).toEqual(['queued', 'completed']);
  });
});

describe('a run that asks for tools', () => {
  const waiting = plan('requires_action');
  const answered = planNextLeg(waiting, {
    nowMs: 2000,
    lagMs: 50,
    queueMs: 100,
    durationMs: 500,
    outcome: 'completed',
  });

  it('waits for them until it expires', () => {
    expect(phases(waiting, [1499, 1500, 600_999, 601_000])).toEqual([
      'in_progress',
      'requires_action',
      'requires_action',
      'expired',
    ]);
  });

  it('goes on when they come, after the lag', () => {
    expect(phases(answered, [2000, 2001, 2049, 2050, 2149, 2150, 2549, 2550])).toEqual([
      'queued',
      'requires_action',
      'requires_action',
      'queued',
      'queued',
      'in_progress',
      'in_progress',
      'completed',
    ]);
  });

  it('keeps its first start and its expiry', () => {
    expect(answered.startedAtMs).toBe(1100);
    expect(answered.expiresAtMs).toBe(601_000);
  });
});

describe('a run that is cancelled', () => {
  it('is cancelling, then cancelled, whatever it would have become', () => {
    const cancelled = planCancel(plan('completed'), {
      nowMs: 1200,
      cancellingMs: 100,
      revivesAfterMs: Infinity,
    });
    expect(phases(cancelled, [1199, 1200, 1299, 1300, 1500, 700_000])).toEqual([
      'in_progress',
      'cancelling',
      'cancelling',
      'cancelled',
      'cancelled',
      'cancelled',
    ]);
  });

  it('completes all the same when it was told to', () => {
    const revived = planCancel(plan('completed'), { nowMs: 1200, cancellingMs: 0, revivesAfterMs: 1000 });
    expect(phases(revived, [1200, 2199, 2200])).toEqual(['cancelled', 'cancelled', 'completed']);
  });
});

describe('phaseAt', () => {
  const outcome = fc.constantFrom<Outcome>(
    'completed',
    'failed',
    'incomplete',
    'cancelled',
    'expired',
    'never',
    'lost',
    'requires_action',
  );
  const span = fc.integer({ min: 0, max: 5000 });

  it('never leaves an end, and never dates a phase into the future', () => {
    fc.assert(
      fc.property(
        outcome,
        span,
        span,
        span,
        fc.option(span),
        (end, queueMs, durationMs, expiresAfterMs, cancelMs) => {
          const first = planRun({ nowMs: 0, queueMs, durationMs, expiresAfterMs, outcome: end });
          const whole =
            cancelMs === null || endedAtMs(first, cancelMs) !== null
              ? first
              : planCancel(first, { nowMs: cancelMs, cancellingMs: 30, revivesAfterMs: Infinity });
          let ended: string | null = null;
          for (let now = 0; now <= 12_000; now += 37) {
            const { phase, sinceMs } = phaseAt(whole, now);
            expect(sinceMs).toBeLessThanOrEqual(now);
            expect(phase).toBe(ended ?? phase);
            if (isTerminal(phase)) ended = phase;
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});

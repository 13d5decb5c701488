import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { classChain } from '../../../../src/domain/polling/class-key.ts';
import { DurationModel } from '../../../../src/domain/polling/duration-model.ts';
import { defaultGuard, learnedSchedule, trustOf } from '../../../../src/domain/polling/learned-schedule.ts';
import { lookTable } from '../../../../src/domain/polling/look-table.ts';
import { endedObservation } from '../../../../src/domain/polling/observation.ts';
import { effectiveCostMs, Planner } from '../../../../src/domain/polling/planner.ts';
import { curveFrom, exponentialCurve } from './support.ts';

const context = (ageMs: number) => ({ ageMs, looks: 0, random: 0.5 });

describe('the learned schedule', () => {
  it('holds the guard and the longest delay, whatever the table says', () => {
    const table = lookTable(curveFrom([0, 1e6, 1.1e6], [1, 1, 0]), 1000);
    const guarded = learnedSchedule({ table, guard: defaultGuard, trust: 1, maxDelayMs: 60_000 });
    expect(guarded.delayMs(context(0))).toBe(10_000);
    expect(guarded.delayMs(context(10_000))).toBe(20_000);
    expect(guarded.delayMs(context(100_000))).toBe(60_000);
  });

  it('loosens the guard with the evidence', () => {
    expect(trustOf(defaultGuard, 0)).toBe(1);
    expect(trustOf(defaultGuard, 80)).toBe(11);
  });

  it('is positive and finite at any age, also after a clock was set back', () => {
    const table = lookTable(exponentialCurve(1 / 5000, 50, 50_000), 1000);
    const schedule = learnedSchedule({ table, guard: defaultGuard, trust: 50, maxDelayMs: 540_000 });
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 1e12, noNaN: true }), (age) => {
        const delay = schedule.delayMs(context(age));
        expect(delay).toBeGreaterThanOrEqual(1);
        expect(delay).toBeLessThanOrEqual(540_000);
      }),
      { seed: 1 },
    );
  });
});

describe('the planner', () => {
  it('waits longer where looks are dearer, and where a webhook is likely', () => {
    const model = new DurationModel();
    for (let i = 0; i < 400; i += 1)
      model.observe(['k'], {
        type: 'ended',
        seenMs: 0,
        afterMs: 1e4 + 500 * i,
        untilMs: 1e4 + 500 * i + 1000,
      });
    const planner = new Planner(model);
    const gap = (costMs: number, webhookChance: number): number =>
      planner.scheduleFor({ chain: ['k'], costMs, webhookChance }).delayMs(context(60_000));
    expect(gap(10_000, 0)).toBeGreaterThan(gap(1000, 0));
    expect(gap(1000, 0)).toBeGreaterThan(gap(100, 0));
    expect(gap(1000, 0.99)).toBeGreaterThan(2 * gap(1000, 0));
  });

  it('prices a look at c/(1 − p), within bounds', () => {
    expect(effectiveCostMs(1000, 0)).toBe(1000);
    expect(effectiveCostMs(1000, 0.9)).toBeCloseTo(10_000);
    expect(effectiveCostMs(1000, 1)).toBeCloseTo(500_000);
    expect(effectiveCostMs(1000, -1)).toBe(1000);
  });
});

describe('what a look teaches', () => {
  const base = { startedAtMs: 1_000_300, missMs: 1_002_000, hitMs: 1_009_000 };

  it('is cut by the second that was stamped', () => {
    expect(endedObservation({ ...base, stampMs: 1_005_000 })).toEqual({
      type: 'ended',
      seenMs: 1700,
      afterMs: 4700,
      untilMs: 5700,
    });
    expect(endedObservation({ ...base, stampMs: 1_001_500 })).toMatchObject({ afterMs: 1700, untilMs: 2200 });
  });

  it('is not cut without a stamp, or by one from a clock that is off', () => {
    for (const stampMs of [null, 900_000, 1_100_000]) {
      expect(endedObservation({ ...base, stampMs })).toMatchObject({ afterMs: 1700, untilMs: 8700 });
    }
  });
});

describe('class keys', () => {
  it('go from the narrowest to the widest', () => {
    expect(
      classChain({ kind: 'responses', model: 'gpt-5', reasoningEffort: null, label: 'nightly' }),
    ).toEqual(['responses|m=gpt-5|l=nightly', 'responses|m=gpt-5', 'responses']);
    expect(classChain({ kind: 'assistants', toolNames: ['b', 'a'], templateId: 'asst_1' })).toEqual([
      'assistants|t=asst_1+a+b',
      'assistants',
    ]);
  });

  it('stay short and apart, and hold nothing that a key scheme could mind', () => {
    const [one] = classChain({ kind: 'responses', label: 'a:b c'.repeat(100) });
    const [two] = classChain({ kind: 'responses', label: 'a:b_c'.repeat(100) });
    expect(one).not.toBe(two);
    expect(one.length).toBeLessThan(90);
    expect(one).not.toMatch(/[:\s]/);
  });
});

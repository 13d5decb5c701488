import { describe, expect, it } from 'vitest';
import { drawBatch } from '../../../../bench/polling/draws.ts';
import { simulate } from '../../../../bench/polling/open-world.ts';
import { LearnedPolicy } from '../../../../bench/polling/policies.ts';
import { coldWorld } from '../../../../bench/polling/worlds.ts';
import { DurationModel } from '../../../../src/domain/polling/duration-model.ts';
import { emptySnapshot } from '../../../../src/domain/polling/shared-counts.ts';
import { InFlight } from '../../../../src/domain/polling/in-flight.ts';
import { survivalAt } from '../../../../src/domain/polling/survival.ts';
import { creating, following, over, running, t0 } from '../../../support/fakes/builders.ts';
import { replied } from '../given.ts';

const chain = ['k'] as const;

describe('runs in flight', () => {
  it('keep those that ended first from passing for all', () => {
    const inFlight = new InFlight();
    const model = new DurationModel();
    for (let n = 0; n < 300; n += 1) inFlight.started(chain, 0);
    for (let n = 1; n <= 10; n += 1) {
      inFlight.looked(chain, 0);
      model.observe(chain, { type: 'ended', seenMs: 0, afterMs: 0, untilMs: 100 * n });
    }
    expect(survivalAt(model.estimate(chain).curve, 1000)).toBeLessThan(0.5);
    inFlight.show(model, chain, 1000, true);
    expect(survivalAt(model.estimate(chain).curve, 1000)).toBeGreaterThan(0.9);
    // Webhooks have stopped: their silence says nothing.
    inFlight.show(model, chain, 1001, false);
    expect(survivalAt(model.estimate(chain).curve, 1000)).toBeLessThan(0.5);
  });

  it('count for those of other processes as well, by the share of the ends that are seen here', () => {
    const here = new DurationModel();
    const elsewhere = new DurationModel();
    const inFlight = new InFlight();
    const end = { type: 'ended', seenMs: 0, afterMs: 900, untilMs: 1000 } as const;
    here.load('k', emptySnapshot);
    for (let n = 0; n < 100; n += 1) inFlight.started(chain, 0);
    for (let n = 0; n < 10; n += 1) here.observe(chain, end);
    inFlight.show(here, chain, 1000, true);
    const before = survivalAt(here.estimate(chain).curve, 1000);
    // What both have seen, as the fleet keeps it.
    for (let n = 0; n < 20; n += 1) elsewhere.observe(chain, end);
    here.load('k', elsewhere.snapshot('k') ?? emptySnapshot);
    inFlight.show(here, chain, 4000, true);
    expect(before).toBeGreaterThan(0.8);
    expect(survivalAt(here.estimate(chain).curve, 1000)).toBeCloseTo(before, 1);
  });

  it('are those that were created and not looked at, by number: others end ours, we end theirs', () => {
    const inFlight = new InFlight();
    for (let n = 0; n < 8; n += 1) inFlight.started(chain, n * 1000);
    expect(inFlight.exposure('k', 10_000)?.runs).toBe(8);
    for (const startedAtMs of [1200, 3300, 3400]) inFlight.looked(chain, startedAtMs);
    expect(inFlight.exposure('k', 10_000)?.runs).toBe(5);
    for (let n = 0; n < 8; n += 1) inFlight.looked(chain, 7500);
    expect(inFlight.exposure('k', 10_000)).toBeNull();
    inFlight.started(chain, 20_000);
    for (let n = 0; n < 8; n += 1) inFlight.started(chain, 20_000);
    expect(inFlight.exposure('k', 30_000)?.runs).toBe(6);
    expect(inFlight.exposure('k', 700_000)).toBeNull();
    expect(inFlight.exposure('other', 10_000)).toBeNull();
  });

  it('stay countable, however many they are', () => {
    const inFlight = new InFlight();
    for (let n = 0; n < 5000; n += 1) inFlight.started(chain, n * 100);
    expect(inFlight.exposure('k', 501_000)?.runs).toBe(5000);
    for (let n = 0; n < 5000; n += 1) inFlight.looked(chain, n * 100);
    expect(inFlight.exposure('k', 501_000)?.runs ?? 0).toBe(0);
  });

  it('begin with the answer to the create and end with the first news', () => {
    const inFlight = new InFlight();
    const runs = (): number => inFlight.exposure('k', t0 + 60_000)?.runs ?? 0;
    inFlight.note(chain, creating(), replied('create', running()), t0);
    inFlight.note(chain, creating(), replied('create', running()), t0);
    inFlight.note(chain, creating(), replied('create', over('completed')), t0);
    expect(runs()).toBe(2);
    inFlight.note(chain, following({ looks: 1 }), replied('retrieve', running()), t0 + 5000);
    inFlight.note(chain, following({ cancelSentAtMs: t0 + 1 }), replied('retrieve', running()), t0 + 5000);
    expect(runs()).toBe(2);
    inFlight.note(chain, following(), replied('retrieve', running()), t0 + 5000);
    inFlight.note(chain, following(), replied('cancel', running()), t0 + 5000);
    expect(runs()).toBe(0);
  });
});

/** Issue 5: 2.05 calls a run where 99 % of the webhooks arrive, also of a fleet that has learnt nothing. */
describe.each([3, 8, 20, 60])('a cold fleet with webhooks and 300 runs of up to %i s at once', (seconds) => {
  it('costs at most 2.05 calls a run', () => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const draws = drawBatch(coldWorld(seconds), seed, 300, 2);
      const found = simulate(draws, new LearnedPolicy('learned', true), 1000);
      const looks = found.reduce((sum, one) => sum + one.looks, 0) / found.length;
      expect(1 + looks, `seed ${seed}`).toBeLessThanOrEqual(2.05);
    }
  });
});

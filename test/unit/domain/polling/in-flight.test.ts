import { describe, expect, it } from 'vitest';
import { drawBatch, drawRuns } from '../../../../bench/polling/draws.ts';
import { simulate } from '../../../../bench/polling/open-world.ts';
import { mean, scoreOf } from '../../../../bench/polling/score.ts';
import { LearnedPolicy, Optimum, type Policy } from '../../../../bench/polling/policies.ts';
import { coldWorld, namedWorlds } from '../../../../bench/polling/worlds.ts';
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
    inFlight.show(model, chain, 1000, 0.99);
    expect(survivalAt(model.estimate(chain).curve, 1000)).toBeGreaterThan(0.9);
    // Webhooks have stopped: their silence says nothing.
    inFlight.show(model, chain, 1001, 0);
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
    inFlight.show(here, chain, 1000, 0.99);
    const before = survivalAt(here.estimate(chain).curve, 1000);
    // What both have seen, as the fleet keeps it.
    for (let n = 0; n < 20; n += 1) elsewhere.observe(chain, end);
    here.load('k', elsewhere.snapshot('k') ?? emptySnapshot);
    inFlight.show(here, chain, 4000, 0.99);
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

const seeds = [1, 2, 3, 4];

/** 300 runs at once. Longer ones cost some looks more: those that find out whether webhooks come at all. */
describe.each([
  { seconds: 3, most: 2.05 },
  { seconds: 8, most: 2.05 },
  { seconds: 20, most: 2.25 },
  { seconds: 60, most: 2.4 },
])(
  'a cold fleet whose webhooks arrive but for one of a hundred, runs of up to $seconds s',
  ({ seconds, most }) => {
    it(`costs at most ${most} calls a run`, () => {
      const looks = seeds.flatMap((seed) => {
        const draws = drawBatch(coldWorld(seconds), seed, 300, 2);
        return simulate(draws, new LearnedPolicy('learned', true), 1000).map((found) => found.looks);
      });
      expect(1 + mean(looks)).toBeLessThanOrEqual(most);
    });
  },
);

/** Who takes a silent run for one that goes on does not look, and would never learn that webhooks are lost. */
describe.each([0.3, 0.5, 0.75, 0.9])('a cold fleet, %d of whose webhooks arrive', (chance) => {
  it('costs little more than one that knows all', () => {
    const [world] = namedWorlds;
    if (world === undefined) throw new Error('There is a first world.');
    const told = { ...world, inFlight: 40, webhooks: { chance, latency: 0.3, outages: [] } };
    const ratios = seeds.map((seed) => {
      const draws = drawRuns(told, seed, 400);
      const costOf = (policy: Policy): number =>
        scoreOf(simulate(draws, policy, 1000 * told.cost), told.cost).cost;
      return costOf(new LearnedPolicy('learned', true)) / costOf(new Optimum());
    });
    expect(mean(ratios)).toBeLessThan(1.3);
  });
});

/** What the fleet shares of its durations, and that no run ever waits for it. */

import { beforeEach, describe, expect, it } from 'vitest';
import { LearnedPolling } from '../../../src/app/learned-polling.ts';
import { durations } from '../../../src/app/durations.ts';
import { DurationModel } from '../../../src/domain/polling/duration-model.ts';
import { Planner } from '../../../src/domain/polling/planner.ts';
import { backoffSchedule, defaultBackoff } from '../../../src/domain/poll-schedule.ts';
import type { RunSpec } from '../../../src/domain/run.ts';
import {
  anOutcome,
  aSpec,
  ended,
  following,
  over,
  running,
  seconds,
  t0,
} from '../../support/fakes/builders.ts';
import {
  aPacing,
  FakeDurationStore,
  FakePacingStore,
  ManualClock,
  RecordingTelemetry,
} from '../../support/fakes/index.ts';

const clock = new ManualClock(t0);
let store: FakeDurationStore;
let telemetry: RecordingTelemetry;
beforeEach(() => {
  store = new FakeDurationStore(clock);
  telemetry = new RecordingTelemetry();
});

/** One worker process. */
function worker(maxClasses = 500): LearnedPolling {
  const model = new DurationModel({ maxClasses });
  const planner = new Planner(model);
  const backoff = backoffSchedule({ ...defaultBackoff, jitter: 0 });
  const pacing = aPacing(new FakePacingStore(clock), telemetry);
  return new LearnedPolling({ model, planner, store, pacing, clock, telemetry, costMs: 1000, backoff });
}

/** `poll`: no webhook stretches its gaps. */
const spec = aSpec({ label: 'nightly', follow: 'poll', traits: { model: 'gpt-5' } });
const look = { ageMs: 0, looks: 0, random: 0.5 };
const firstLookMs = (polling: LearnedPolling, of: RunSpec = spec): number =>
  polling.scheduleFor(of).delayMs(look);

/** Runs that took so long, found half a second later; their last miss was at half the time. */
function teach(polling: LearnedPolling, durationMs: number, times: number): void {
  const before = following({ lastLookAtMs: t0 + durationMs / 2 });
  const miss = { type: 'replied', call: 'retrieve', snapshot: running() } as const;
  for (let n = 0; n < times; n += 1) {
    polling.learn(spec, following(), miss, t0 + durationMs / 2);
    polling.learn(
      spec,
      before,
      { type: 'replied', call: 'retrieve', snapshot: over('completed', { endedAtMs: t0 + durationMs }) },
      t0 + durationMs + 500,
    );
  }
}

function teachFleet(): void {
  const polling = worker();
  teach(polling, seconds(120), 200);
  void polling.sync();
}

describe('LearnedPolling', () => {
  it('looks late at what takes long, as soon as it has seen it', () => {
    const polling = worker();
    const before = firstLookMs(polling);
    const schedule = polling.scheduleFor(spec);
    teach(polling, seconds(120), 200);
    expect(before).toBeLessThan(seconds(10));
    expect(firstLookMs(polling)).toBeGreaterThan(seconds(60));
    // A schedule that a step holds already knows of it as well.
    expect(schedule.delayMs(look)).toBe(firstLookMs(polling));
    expect(schedule.reason?.(look)).toBe('learned');
  });

  it('tells the other workers, who know it from the next exchange on', async () => {
    const [one, two] = [worker(), worker()];
    firstLookMs(two);
    await two.sync();
    teach(one, seconds(120), 200);
    await one.sync();
    clock.advance(6000);
    const before = firstLookMs(two);
    await two.sync();
    expect(before).toBeLessThan(seconds(10));
    expect(firstLookMs(two)).toBe(firstLookMs(one));
  });

  it('reads a class at once when it is seen for the first time, and from then on only while it is in use', async () => {
    teachFleet();
    await settled();
    const polling = worker();
    store.reads.length = 0;
    firstLookMs(polling);
    await settled();
    expect(firstLookMs(polling)).toBeGreaterThan(seconds(60));
    expect(store.reads).toEqual([['responses|m=gpt-5|l=nightly', 'responses|m=gpt-5', 'responses']]);
    await polling.sync();
    clock.advance(6000);
    await polling.sync();
    // Used since its first read, so once more; and not again.
    clock.advance(6000);
    await polling.sync();
    expect(store.reads).toHaveLength(2);
  });

  it('loses nothing that is learnt while it reads', async () => {
    const polling = worker();
    teach(polling, seconds(120), 50);
    const exchange = polling.sync();
    teach(polling, seconds(120), 50);
    await exchange;
    await polling.sync();
    const [known] = (await durations(store, 1)).data;
    expect(known).toMatchObject({ runs: 100 });
  });

  it('goes on by what it knows while Redis is away, and says so once', async () => {
    const polling = worker();
    store.unavailable = true;
    teach(polling, seconds(120), 200);
    await polling.sync();
    await polling.sync();
    expect(firstLookMs(polling)).toBeGreaterThan(seconds(60));
    expect(telemetry.logged('warn')).toHaveLength(1);
    store.unavailable = false;
    teach(polling, seconds(120), 1);
    await polling.sync();
    await expect(store.list(10)).resolves.toHaveLength(3);
  });

  it('starts afresh with a fleet whose counts are gone', async () => {
    const polling = worker();
    teach(polling, seconds(120), 2000);
    await polling.sync();
    store.clear();
    for (let n = 0; n < 3; n += 1) {
      clock.advance(6000);
      teach(polling, seconds(4), 100);
      await polling.sync();
    }
    expect(firstLookMs(polling)).toBeLessThan(seconds(10));
  });

  it('holds a bounded number of classes, however many labels there are', async () => {
    const polling = worker(20);
    for (let n = 0; n < 600; n += 1) firstLookMs(polling, aSpec({ label: `run-${n}` }));
    await polling.sync();
    await settled();
    expect(store.reads.flat().length).toBeLessThanOrEqual(1002);
  });

  it('keeps to the bound and the price that a run asks for', () => {
    const polling = worker();
    // Where all end at the same time, all prices call for a look just then.
    for (let s = 60; s < 180; s += 1) teach(polling, seconds(s), 2);
    const bounded = polling.scheduleFor({ ...spec, maxDelayMs: 3000 });
    expect([bounded.delayMs(look), bounded.reason?.(look)]).toEqual([3000, 'max_delay']);
    const late = { ageMs: seconds(110), looks: 1, random: 0.5 };
    const gap = (pollCostMs: number): number => polling.scheduleFor({ ...spec, pollCostMs }).delayMs(late);
    expect(gap(30_000)).toBeGreaterThan(gap(1000));
  });

  it('learns nothing from a create, a fault or a cancelled run that says nothing', () => {
    const polling = worker();
    const nothing = [
      { type: 'replied', call: 'create', snapshot: running() },
      { type: 'replied', call: 'retrieve', snapshot: over('cancelled') },
    ] as const;
    for (const event of nothing) polling.learn(spec, following(), event, t0 + 1000);
    expect(polling.sync()).toBeInstanceOf(Promise);
    expect(store.added).toEqual([]);
  });

  it('goes on by the plain backoff when it fails itself', () => {
    const model = new DurationModel();
    const planner = new Planner(model);
    planner.scheduleFor = () => {
      throw new Error('A defect.');
    };
    model.observe = () => {
      throw new Error('Another.');
    };
    const backoff = backoffSchedule({ ...defaultBackoff, jitter: 0 });
    const pacing = aPacing(new FakePacingStore(clock), telemetry);
    const options = { model, planner, store, pacing, clock, telemetry, costMs: 1000, backoff };
    const polling = new LearnedPolling(options);
    const schedule = polling.scheduleFor(spec);
    expect([schedule.delayMs(look), schedule.reason?.(look)]).toEqual([500, 'backoff']);
    teach(polling, seconds(120), 1);
    expect(polling.report(spec, ended(), anOutcome())).toBeNull();
    expect(telemetry.logged('error').length).toBeGreaterThan(0);
  });

  it('reports what a run cost beside the plain backoff, and what was expected', () => {
    const polling = worker();
    teach(polling, seconds(120), 500);
    const calls = { create: 1, retrieve: 3, submit: 0, cancel: 0, list: 0 };
    const outcome = anOutcome({ completedAtMs: t0 + seconds(120), detectionDelayMs: 2000 });
    const report = polling.report(spec, ended({ calls }), outcome);
    expect(report).toMatchObject({ kind: 'responses', looks: 3, costSeconds: 5, backoffLooks: 28 });
    expect(report?.backoffCostSeconds).toBeGreaterThan(28);
    expect(report?.expectedLooks).toBeGreaterThan(0.9);
    expect(report?.expectedLooks).toBeLessThan(4);
    // What we cut short tells nothing of the schedule.
    const cancelled = ended({ calls, cancel: { reason: 'caller', atMs: t0 } });
    expect(polling.report(spec, cancelled, outcome)).toBeNull();
  });
});

const chance = (): number => telemetry.paces.at(-1)?.webhookChance ?? 0;

describe('webhooks that stop', () => {
  const awaited = { ...spec, follow: 'webhook' as const };

  async function known(polling: LearnedPolling): Promise<void> {
    teach(polling, seconds(120), 200);
    const byWebhook = anOutcome({ foundBy: 'webhook', detectionDelayMs: 300 });
    for (let n = 0; n < 200; n += 1) polling.report(awaited, ended(), byWebhook);
    await polling.sync();
  }

  it('are believed in by the runs whose create was not answered once some have come, and not after misses', () => {
    const polling = worker();
    expect(polling.willBeTold(awaited)).toBe(false);
    const byWebhook = anOutcome({ foundBy: 'webhook', detectionDelayMs: 300 });
    for (let n = 0; n < 3; n += 1) polling.report(awaited, ended(), byWebhook);
    expect(polling.willBeTold(awaited)).toBe(true);
    expect(polling.willBeTold(spec)).toBe(false);
    const byPoll = anOutcome({ foundBy: 'poll', detectionDelayMs: 9000 });
    for (let n = 0; n < 4; n += 1) polling.report(awaited, ended(), byPoll);
    expect(polling.willBeTold(awaited)).toBe(false);
  });

  it('are felt by the silence of many runs in flight, before any of them is looked at', async () => {
    const polling = worker();
    await known(polling);
    expect(chance()).toBeGreaterThan(0.95);
    const atMs = seconds(150);
    const before = following({ wakeAtMs: t0 + atMs, lookAtMs: t0 + seconds(400) });
    const putOff = following({ wakeAtMs: t0 + 2 * atMs, lookAtMs: t0 + seconds(400) });
    // Parked again for other reasons, or by a look: no silence.
    polling.parked(awaited, before, { ...putOff, lastLookAtMs: t0 + atMs }, t0 + atMs);
    polling.parked(awaited, before, { ...putOff, faultStreak: 1 }, t0 + atMs);
    polling.parked(spec, before, putOff, t0 + atMs);
    await polling.sync();
    expect(chance()).toBeGreaterThan(0.95);
    for (let n = 0; n < 10; n += 1) polling.parked(awaited, before, putOff, t0 + atMs);
    await polling.sync();
    expect(chance()).toBeLessThan(0.3);
    // Looks that find them going take it back.
    for (let n = 0; n < 10; n += 1) polling.permitted(awaited, putOff, 0, t0 + 2 * atMs);
    await polling.sync();
    expect(chance()).toBeGreaterThan(0.95);
  });
});

/** The fakes answer within some turns of the event loop. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

/** The price and the webhooks' chance that workers agree on, and what a worker does with them. */

import { beforeEach, describe, expect, it } from 'vitest';
import { Pacing } from '../../../src/app/pacing.ts';
import type { RunOutcome } from '../../../src/domain/run.ts';
import { anOutcome, aSpec, ended, t0 } from '../../support/fakes/builders.ts';
import { FakePacingStore, ManualClock, RecordingTelemetry } from '../../support/fakes/index.ts';

let clock: ManualClock;
let store: FakePacingStore;
let telemetry: RecordingTelemetry;
beforeEach(() => {
  clock = new ManualClock(t0);
  store = new FakePacingStore(clock);
  telemetry = new RecordingTelemetry();
});

/** Of one process. `alias` is another name of the default account's key. */
function pacing(): Pacing {
  const own = { id: 'own', hasWebhooks: true };
  const accounts = new Map([
    ['default', own],
    ['alias', own],
    ['silent', { id: 'silent', hasWebhooks: false }],
  ]);
  return new Pacing({ store, accounts, costMs: 1000, telemetry });
}

async function seconds(workers: readonly Pacing[], n: number, before: () => void): Promise<void> {
  for (let second = 0; second < n; second += 1) {
    before();
    clock.advance(1000);
    for (const worker of workers) await worker.sync();
  }
}

describe('the price', () => {
  it('rises for all workers while looks of any wait, and falls when they do not', async () => {
    const [one, two] = [pacing(), pacing()];
    two.scarcity('default');
    await seconds([one, two], 30, () => one.permitted('default', 'chat', 20_000, 30_000));
    const risen = two.scarcity('default');
    expect(risen).toBeGreaterThan(3);
    expect(one.scarcity('alias')).toBeCloseTo(risen, 0);
    expect(telemetry.paces.at(-1)?.priceSeconds).toBeCloseTo(risen, 0);
    await seconds([one, two], 600, () => one.permitted('default', 'chat', 0, 30_000));
    expect(two.scarcity('default')).toBe(1);
  });

  it('is each account’s own, and 1 for one that is not known here', async () => {
    const worker = pacing();
    worker.scarcity('silent');
    await seconds([worker], 30, () => worker.permitted('default', 'chat', 20_000, 30_000));
    expect(worker.scarcity('silent')).toBe(1);
    expect(worker.scarcity('elsewhere')).toBe(1);
    expect(() => worker.permitted('elsewhere', 'chat', 1, 1)).not.toThrow();
  });

  it('stays as it is while Redis is away, which costs no exchange that is to come', async () => {
    const worker = pacing();
    await seconds([worker], 30, () => worker.permitted('default', 'chat', 20_000, 30_000));
    const before = worker.scarcity('default');
    store.unavailable = true;
    worker.permitted('default', 'chat', 20_000, 30_000);
    await expect(worker.sync()).rejects.toThrow('switched off');
    expect(worker.scarcity('default')).toBe(before);
    store.unavailable = false;
    clock.advance(1000);
    await worker.sync();
    expect(worker.scarcity('default')).toBeGreaterThan(before);
  });

  it('lets classes that have had few looks go first, while looks wait for long', async () => {
    const worker = pacing();
    const behind = (waitedMs: number) => () => {
      for (const classKey of [...Array.from({ length: 9 }, () => 'batch'), 'chat']) {
        worker.permitted('default', classKey, waitedMs, 30_000);
      }
    };
    await seconds([worker], 10, behind(200));
    expect(worker.goesFirst('default', 'chat')).toBe(false);
    await seconds([worker], 10, behind(5000));
    expect(worker.goesFirst('default', 'chat')).toBe(true);
    expect(worker.goesFirst('alias', 'chat')).toBe(true);
    expect(worker.goesFirst('default', 'batch')).toBe(false);
    expect(worker.goesFirst('silent', 'chat')).toBe(false);
  });

  it('takes no trip where no step has asked', async () => {
    const worker = pacing();
    await worker.sync();
    await expect(store.read('own')).resolves.toBeNull();
  });
});

const byWebhook = anOutcome({ foundBy: 'webhook', detectionDelayMs: 300 });
const byLook = anOutcome({ foundBy: 'poll', detectionDelayMs: 60_000 });

describe('the chance of a webhook', () => {
  const spec = aSpec();
  const tell = (worker: Pacing, outcome: RunOutcome, times: number): void => {
    for (let n = 0; n < times; n += 1) worker.ended(spec, ended(), outcome);
  };

  it('falls to nothing within some runs when they stop, and comes back when they do; each is said once', async () => {
    const [one, two] = [pacing(), pacing()];
    two.webhookChance(spec, 'default');
    await seconds([one, two], 1, () => tell(one, byWebhook, 200));
    expect(two.webhookChance(spec, 'default')).toBeGreaterThan(0.95);
    await seconds([one, two], 2, () => tell(one, byLook, 3));
    expect(two.webhookChance(spec, 'default')).toBeLessThan(0.1);
    expect(telemetry.logged('warn')).toHaveLength(2);
    await seconds([one, two], 2, () => {
      one.webhookChance(spec, 'default');
      tell(two, byWebhook, 5);
    });
    expect(one.webhookChance(spec, 'default')).toBeGreaterThan(0.8);
    expect(telemetry.logged('warn')).toHaveLength(2);
    expect(telemetry.logged('info')).toHaveLength(2);
    expect(telemetry.paces.at(-1)?.webhookChance).toBeGreaterThan(0.8);
  });

  it.each([
    ['a run that is to be polled', aSpec({ follow: 'poll' }), 'default'],
    ['a run that streams', aSpec({ follow: 'stream' }), 'default'],
    ['a kind that has none', aSpec({ kind: 'assistants' }), 'default'],
    ['an account without a secret', aSpec(), 'silent'],
  ])('is 0 for %s, which teaches nothing of it either', async (_, other, account) => {
    const worker = pacing();
    expect(worker.webhookChance(other, account)).toBe(0);
    await seconds([worker], 1, () => {
      for (let n = 0; n < 5; n += 1) worker.ended(other, ended({ account }), byLook);
    });
    expect(worker.webhookChance(aSpec(), 'default')).toBeGreaterThan(0.4);
  });

  it('learns nothing of a run that was cancelled', async () => {
    const worker = pacing();
    const cancelled = ended({ cancel: { reason: 'caller', atMs: t0 } });
    await seconds([worker], 1, () => {
      for (let n = 0; n < 5; n += 1) worker.ended(spec, cancelled, byLook);
    });
    expect(worker.webhookChance(spec, 'default')).toBeGreaterThan(0.4);
  });
});

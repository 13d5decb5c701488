import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Signals } from '../../../src/ports/run-store.ts';
import type { CreatingState } from '../../../src/domain/run.ts';
import { anOutcome, creating, ended, following } from '../../support/fakes/builders.ts';
import { eventually } from '../../support/fakes/eventually.ts';
import { dataNow, type RunStoreFactory, type RunStoreHarness } from './run-store-harness.ts';

const hourMs = 3_600_000;

export function signalsConformance(factory: RunStoreFactory): void {
  let harness: RunStoreHarness;
  beforeEach(async () => {
    harness = await factory.create();
    await harness.store.add('run-a', dataNow(harness));
  });
  afterEach(() => harness.close());

  /** One activation that takes its signals and parks for an hour: only a wake brings the next one. */
  function turn(meanwhile: () => Promise<void> = () => Promise.resolve()): Promise<Signals> {
    return harness.activate('run-a', async (activation) => {
      const signals = await activation.takeSignals();
      await meanwhile();
      await activation.park(following({ wakeAtMs: harness.nowMs() + hourMs }));
      return signals;
    });
  }

  it.each(['webhook', 'stream', 'tools'] as const)(
    'activates a parked run now when a %s wakes it',
    async (by) => {
      await turn();
      await harness.store.wake('run-a', by);
      await expect(turn()).resolves.toEqual({ wokenBy: by, cancelRequestedAtMs: null });
    },
  );

  it('activates a run again that was woken while it was active', async () => {
    await turn(async () => void (await harness.store.wake('run-a', 'webhook')));
    await expect(turn()).resolves.toMatchObject({ wokenBy: 'webhook' });
  });

  it('loses no wake, whenever it comes', async () => {
    for (let round = 0; round < 20; round += 1) {
      await harness.store.wake('run-a', 'stream');
      // Not awaited: it may land before, during or after the park.
      let woken: Promise<boolean> | undefined;
      await turn(() => {
        woken = harness.store.wake('run-a', 'webhook');
        return Promise.resolve();
      });
      await woken;
      await expect(turn()).resolves.toMatchObject({ wokenBy: 'webhook' });
    }
  });

  it('tells of a wake once', async () => {
    await turn();
    await harness.store.wake('run-a', 'webhook');
    await harness.store.wake('run-a', 'webhook');
    await turn();
    await harness.store.requestCancel('run-a', harness.nowMs());
    await expect(turn()).resolves.toMatchObject({ wokenBy: 'caller' });
  });

  it('tells a run of a wake that came before its first activation', async () => {
    await harness.store.wake('run-a', 'webhook');
    await expect(turn()).resolves.toMatchObject({ wokenBy: 'webhook' });
  });

  it('takes a wake of an unknown run for nothing', async () => {
    await expect(harness.store.wake('run-none', 'webhook')).resolves.toBe(false);
    await expect(harness.store.get('run-none')).resolves.toBeNull();
  });

  it('knows no run to cancel that was never added', async () => {
    await expect(harness.store.requestCancel('run-none', harness.nowMs())).resolves.toBe('missing');
    await harness.store.add('run-none', dataNow(harness));
    await harness.activate('run-none', async (activation) => {
      await expect(activation.takeSignals()).resolves.toMatchObject({ cancelRequestedAtMs: null });
      await activation.park(following({ wakeAtMs: harness.nowMs() + hourMs }));
    });
  });

  it('takes a cancel of a run that waits for its first activation', async () => {
    const nowMs = Math.trunc(harness.nowMs());
    await expect(harness.store.requestCancel('run-a', nowMs)).resolves.toBe('requested');
    await expect(turn()).resolves.toMatchObject({ cancelRequestedAtMs: nowMs });
  });

  it('takes a cancel of a parked run and activates it now', async () => {
    await turn();
    const nowMs = Math.trunc(harness.nowMs());
    await expect(harness.store.requestCancel('run-a', nowMs)).resolves.toBe('requested');
    await expect(turn()).resolves.toEqual({ wokenBy: 'caller', cancelRequestedAtMs: nowMs });
  });

  it('takes a cancel of an active run and activates it again', async () => {
    const nowMs = Math.trunc(harness.nowMs());
    await turn(async () => {
      await expect(harness.store.requestCancel('run-a', nowMs)).resolves.toBe('requested');
    });
    await expect(turn()).resolves.toMatchObject({ cancelRequestedAtMs: nowMs });
  });

  it('keeps a cancel on record until the run ends', async () => {
    const nowMs = Math.trunc(harness.nowMs());
    await turn();
    await harness.store.requestCancel('run-a', nowMs);
    await turn();
    await harness.store.wake('run-a', 'webhook');
    await expect(turn()).resolves.toEqual({ wokenBy: 'webhook', cancelRequestedAtMs: nowMs });
  });

  it('tells of a wake again when the worker that took it dies', async () => {
    // Else the run sleeps on until its next look, though its end was told: for hours, if it waits for tools.
    await turn();
    await harness.store.wake('run-a', 'webhook');
    await harness.activate('run-a', async (activation) => {
      await activation.takeSignals();
      await harness.lose('run-a');
    });
    await expect(turn()).resolves.toMatchObject({ wokenBy: 'webhook' });
    await harness.store.wake('run-a', 'stream');
    await expect(turn()).resolves.toMatchObject({ wokenBy: 'stream' });
  });

  it('keeps a cancel on record when the worker that took it dies', async () => {
    const nowMs = Math.trunc(harness.nowMs());
    await harness.store.requestCancel('run-a', nowMs);
    await harness.activate('run-a', async (activation) => {
      await activation.takeSignals();
      await harness.lose('run-a');
    });
    await expect(turn()).resolves.toMatchObject({ cancelRequestedAtMs: nowMs });
  });

  it('says of a run that is over that there is nothing to cancel, and changes nothing', async () => {
    await harness.activate('run-a', (activation) => activation.commit(ended(), anOutcome()));
    await eventually(async () =>
      expect(await harness.store.requestCancel('run-a', harness.nowMs())).toBe('ended'),
    );
    await expect(harness.store.get('run-a')).resolves.toMatchObject({ outcome: anOutcome() });
  });

  it('hands an id at the provider to a run whose create is unanswered, once, and wakes it', async () => {
    await turn();
    await harness.store.add('run-b', dataNow(harness));
    const unanswered = (): CreatingState =>
      creating({ intentAtMs: harness.nowMs(), wakeAtMs: harness.nowMs() + hourMs });
    await harness.activate('run-b', (activation) => activation.park(unanswered()));
    await harness.store.wake('run-a', 'stream');
    await harness.activate('run-a', async (activation) => {
      await activation.takeSignals();
      await activation.handOver('run-b', 'resp_b');
      // A run that is followed has its id, and one that is not ours has none.
      await activation.handOver('run-a', 'resp_a');
      await activation.handOver('run-none', 'resp_none');
      await activation.park(following({ wakeAtMs: harness.nowMs() + hourMs }));
    });
    await harness.activate('run-b', async (activation) => {
      await expect(activation.takeSignals()).resolves.toMatchObject({
        wokenBy: 'webhook',
        candidate: 'resp_b',
      });
      await activation.park(following({ providerRunId: 'resp_b', wakeAtMs: harness.nowMs() + hourMs }));
    });
    await harness.store.wake('run-a', 'stream');
    await expect(turn()).resolves.toEqual({ wokenBy: 'stream', cancelRequestedAtMs: null });
  });

  it('takes a wake of a run that is over for nothing', async () => {
    await harness.activate('run-a', (activation) => activation.commit(ended(), anOutcome()));
    await expect(harness.store.wake('run-a', 'webhook')).resolves.toBe(false);
    await expect(harness.store.get('run-a')).resolves.toMatchObject({ state: ended(), outcome: anOutcome() });
  });
}

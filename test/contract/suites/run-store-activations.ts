import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ActivationLostError } from '../../../src/domain/errors.ts';
import { beginCall } from '../../../src/domain/decide.ts';
import type { Activation } from '../../../src/ports/run-store.ts';
import { anOutcome, creating, ended, following } from '../../support/fakes/builders.ts';
import { eventually } from '../../support/fakes/eventually.ts';
import { dataNow, recordOf, type RunStoreFactory, type RunStoreHarness } from './run-store-harness.ts';

const hourMs = 3_600_000;

export function activationConformance(factory: RunStoreFactory): void {
  let harness: RunStoreHarness;
  beforeEach(async () => {
    harness = await factory.create();
    await harness.store.add('run-a', dataNow(harness, { label: 'nightly' }));
  });
  afterEach(() => harness.close());

  it('activates a new run with its spec and its first state, and no signals', async () => {
    const { spec, state } = await recordOf(harness, 'run-a');
    await harness.activate('run-a', async (activation) => {
      expect(activation.spec).toEqual(spec);
      expect(activation.state).toEqual(state);
      await expect(activation.takeSignals()).resolves.toEqual({ wokenBy: null, cancelRequestedAtMs: null });
      await expect(activation.outcome()).resolves.toBeNull();
      await activation.park(following({ wakeAtMs: harness.nowMs() + hourMs }));
    });
  });

  it('shows a state that was saved at once, and goes on', async () => {
    await harness.activate('run-a', async (activation) => {
      const intent = beginCall(activation.state, 'create', harness.nowMs());
      await activation.save(intent);
      await expect(recordOf(harness, 'run-a')).resolves.toMatchObject({ state: intent });
      const next = following({ wakeAtMs: harness.nowMs() + hourMs, threadId: 'thread_1' });
      await activation.park(next);
      await expect(recordOf(harness, 'run-a')).resolves.toMatchObject({ state: next });
    });
  });

  it('activates a parked run again when its time has come, not before, with the parked state', async () => {
    const parked = following({ wakeAtMs: Math.trunc(harness.nowMs()) + 150, looks: 2 });
    await harness.activate('run-a', (activation) => activation.park(parked));
    await harness.activate('run-a', async (activation) => {
      // A millisecond of grace: two clocks, two roundings.
      expect(harness.nowMs()).toBeGreaterThanOrEqual(parked.wakeAtMs - 1);
      expect(activation.state).toEqual(parked);
      await activation.park(following({ wakeAtMs: harness.nowMs() + hourMs }));
    });
  });

  it('activates a run again whose time was already past when it was parked', async () => {
    await harness.activate('run-a', (activation) =>
      activation.park(following({ wakeAtMs: harness.nowMs() - 5000, looks: 7 })),
    );
    await harness.activate('run-a', async (activation) => {
      expect(activation.state).toMatchObject({ looks: 7 });
      await activation.park(following({ wakeAtMs: harness.nowMs() + hourMs }));
    });
  });

  it('survives many activations', async () => {
    for (let looks = 0; looks < 25; looks += 1) {
      await harness.activate('run-a', async (activation) => {
        await activation.park(following({ wakeAtMs: harness.nowMs(), looks }));
      });
    }
    await expect(recordOf(harness, 'run-a')).resolves.toMatchObject({ state: { looks: 24 } });
  });

  it('writes one outcome: the first stands, and the second is told', async () => {
    const late = anOutcome({ status: 'failed', output: null });
    await harness.activate('run-a', async (activation) => {
      await expect(activation.commit(ended(), anOutcome())).resolves.toBe(true);
      await expect(activation.commit(ended({ status: 'failed' }), late)).resolves.toBe(false);
      await expect(activation.outcome()).resolves.toEqual(anOutcome());
    });
    await expect(recordOf(harness, 'run-a')).resolves.toMatchObject({ state: ended(), outcome: anOutcome() });
  });

  it('lets a worker settle a run whose first worker died right after it wrote the outcome', async () => {
    await harness.activate('run-a', async (activation) => {
      await activation.commit(ended(), anOutcome());
      await harness.lose('run-a');
    });
    await harness.activate('run-a', async (activation) => {
      expect(activation.state).toEqual(ended());
      await expect(activation.outcome()).resolves.toEqual(anOutcome());
      const late = anOutcome({ status: 'failed' });
      await expect(activation.commit(ended({ status: 'failed' }), late)).resolves.toBe(false);
    });
    await expect(recordOf(harness, 'run-a')).resolves.toMatchObject({ outcome: anOutcome() });
  });

  it('never activates a run again that has ended', async () => {
    await harness.activate('run-a', (activation) => activation.commit(ended(), anOutcome()));
    await eventually(async () => expect((await harness.store.counts()).inFlight.responses).toBe(0));
    await harness.store.wake('run-a', 'webhook');
    await expect(harness.store.requestCancel('run-a', harness.nowMs())).resolves.toBe('ended');
    await harness.store.add('run-b', dataNow(harness));
    // Another run's activation is the sign that the worker is free and had its chance.
    await harness.activate('run-b', (activation) =>
      activation.park(following({ wakeAtMs: harness.nowMs() + hourMs })),
    );
    expect((await harness.store.counts()).inFlight.responses).toBe(1);
    await expect(recordOf(harness, 'run-a')).resolves.toMatchObject({ outcome: anOutcome() });
  });

  it('refuses every write of an activation that was lost, and activates the run again', async () => {
    let lost: Activation | undefined;
    await harness.activate('run-a', async (activation) => {
      lost = activation;
      await activation.save(following({ wakeAtMs: harness.nowMs() + hourMs, looks: 1 }));
      await harness.lose('run-a');
      await expectRefusal(activation);
    });
    await harness.activate('run-a', async (activation) => {
      expect(activation.state).toMatchObject({ looks: 1 });
      // Still refused while another holds the run.
      if (lost !== undefined) await expectRefusal(lost);
      await activation.park(following({ wakeAtMs: harness.nowMs() + hourMs, looks: 2 }));
    });
    if (lost !== undefined) await expectRefusal(lost);
    await expect(recordOf(harness, 'run-a')).resolves.toMatchObject({ state: { looks: 2 }, outcome: null });
  });

  async function expectRefusal(activation: Activation): Promise<void> {
    const refusal = { name: new ActivationLostError().name };
    const state = following({ wakeAtMs: harness.nowMs(), looks: 99 });
    await expect(activation.save(state)).rejects.toMatchObject(refusal);
    await expect(activation.park(state)).rejects.toMatchObject(refusal);
    await expect(activation.commit(ended(), anOutcome())).rejects.toMatchObject(refusal);
  }

  /** What it writes with the answer is refused. */
  async function loseWith(write: (activation: Activation) => Promise<unknown>): Promise<void> {
    await harness.activate('run-a', async (activation) => {
      const nowMs = Math.trunc(harness.nowMs());
      await activation.save(creating({ intentAtMs: nowMs, wakeAtMs: nowMs + hourMs }));
      await harness.lose('run-a');
      await expect(write(activation)).rejects.toMatchObject({ name: new ActivationLostError().name });
    });
  }

  describe('that was lost while its create was out', () => {
    it.each(['save', 'park'] as const)('leaves the answer to the next: %s', async (write) => {
      const learnt = following({ providerRunId: 'resp_late', wakeAtMs: harness.nowMs() + hourMs });
      await loseWith((activation) => activation[write](learnt));
      await harness.activate('run-a', async (activation) => {
        await activation.takeSignals();
        expect(activation.state).toMatchObject({ phase: 'following', providerRunId: 'resp_late' });
        await activation.park(activation.state);
      });
      await expect(recordOf(harness, 'run-a')).resolves.toMatchObject({
        state: { providerRunId: 'resp_late' },
      });
    });

    it('leaves the id to the next, where the run has ended already', async () => {
      await loseWith((activation) => activation.commit(ended({ providerRunId: 'resp_late' }), anOutcome()));
      await harness.activate('run-a', async (activation) => {
        expect(activation.state).toMatchObject({ phase: 'creating' });
        await expect(activation.takeSignals()).resolves.toMatchObject({ candidate: 'resp_late' });
        await activation.park(following({ providerRunId: 'resp_late', wakeAtMs: harness.nowMs() + hourMs }));
      });
    });
  });

  it('activates runs side by side without mixing them up', async () => {
    await harness.store.add('run-b', dataNow(harness, { label: 'other' }));
    await Promise.all(
      ['run-a', 'run-b'].map((id) =>
        harness.activate(id, async (activation) => {
          expect(activation.spec.id).toBe(id);
          await activation.park(following({ wakeAtMs: harness.nowMs() + hourMs, providerRunId: `of-${id}` }));
        }),
      ),
    );
    await expect(recordOf(harness, 'run-a')).resolves.toMatchObject({ state: { providerRunId: 'of-run-a' } });
    await expect(recordOf(harness, 'run-b')).resolves.toMatchObject({ state: { providerRunId: 'of-run-b' } });
  });
}

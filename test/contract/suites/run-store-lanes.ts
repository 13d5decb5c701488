import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Activation } from '../../../src/ports/run-store.ts';
import { accepted, anOutcome, ended, following } from '../../support/fakes/builders.ts';
import { dataNow, type RunStoreFactory, type RunStoreHarness } from './run-store-harness.ts';

const hourMs = 3_600_000;

export function lanesConformance(factory: RunStoreFactory): void {
  let harness: RunStoreHarness;
  beforeEach(async () => {
    harness = await factory.create();
  });
  afterEach(() => harness.close());

  const inLane = async (ids: readonly string[], lane = 'customer-42', owner = 'ann') => {
    const data = dataNow(harness, { lane, owner });
    await harness.store.addMany(ids.map((id) => ({ id, data })));
  };
  /** Asks for its turn, and waits an hour for it if it must. */
  const ask = (id: string) =>
    harness.activate(id, async (activation) => {
      const { wokenBy } = await activation.takeSignals();
      const turn = await activation.takeTurn();
      const wakeAtMs = harness.nowMs() + hourMs;
      await activation.park(turn === 'free' ? following({ wakeAtMs }) : accepted({ wakeAtMs, inLane: true }));
      return { turn, wokenBy };
    });
  const finish = async (id: string) => {
    await harness.store.wake(id, 'webhook');
    await harness.activate(id, (activation: Activation) => activation.commit(ended(), anOutcome()));
  };

  it('gives the turn in the order of acceptance, whoever asks first', async () => {
    await inLane(['run-a', 'run-b', 'run-c']);
    await expect(ask('run-c')).resolves.toMatchObject({ turn: 'busy' });
    await expect(ask('run-b')).resolves.toMatchObject({ turn: 'busy' });
    await expect(ask('run-a')).resolves.toMatchObject({ turn: 'free' });
    await finish('run-a');
    await expect(ask('run-b')).resolves.toEqual({ turn: 'free', wokenBy: 'lane' });
    await finish('run-b');
    await expect(ask('run-c')).resolves.toEqual({ turn: 'free', wokenBy: 'lane' });
  });

  it('keeps the turn of a run until it has ended', async () => {
    await inLane(['run-a']);
    await expect(ask('run-a')).resolves.toMatchObject({ turn: 'free' });
    await inLane(['run-b']);
    await expect(ask('run-b')).resolves.toMatchObject({ turn: 'busy' });
    await harness.store.wake('run-a', 'webhook');
    await expect(ask('run-a')).resolves.toMatchObject({ turn: 'free' });
  });

  it('keeps the turn through the death of its worker', async () => {
    await inLane(['run-a', 'run-b']);
    await harness.activate('run-a', async (activation) => {
      await expect(activation.takeTurn()).resolves.toBe('free');
      await harness.lose('run-a');
    });
    await expect(ask('run-b')).resolves.toMatchObject({ turn: 'busy' });
    await expect(ask('run-a')).resolves.toMatchObject({ turn: 'free' });
  });

  it('steps over a run that ended while it waited', async () => {
    await inLane(['run-a', 'run-b', 'run-c']);
    await ask('run-a');
    await ask('run-b');
    await ask('run-c');
    await harness.store.requestCancel('run-b', harness.nowMs());
    await harness.activate('run-b', (activation) => activation.commit(ended(), anOutcome()));
    await finish('run-a');
    await expect(ask('run-c')).resolves.toEqual({ turn: 'free', wokenBy: 'lane' });
  });

  it('keeps lanes apart, and callers, and knows runs without one', async () => {
    await inLane(['run-a']);
    await inLane(['run-b'], 'customer-43');
    await inLane(['run-c'], 'customer-42', 'bob');
    await harness.store.add('run-d', dataNow(harness));
    for (const id of ['run-d', 'run-c', 'run-b', 'run-a'])
      await expect(ask(id)).resolves.toMatchObject({ turn: 'free' });
  });
}

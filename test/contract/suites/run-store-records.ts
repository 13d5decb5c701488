import { afterEach, beforeEach, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../../src/domain/errors.ts';
import { statusOf } from '../../../src/domain/run.ts';
import { anOutcome, ended, following, someData } from '../../support/fakes/builders.ts';
import { eventually } from '../../support/fakes/eventually.ts';
import { dataNow, recordOf, type RunStoreFactory, type RunStoreHarness } from './run-store-harness.ts';

export function recordsConformance(factory: RunStoreFactory): void {
  let harness: RunStoreHarness;
  beforeEach(async () => {
    harness = await factory.create();
  });
  afterEach(() => harness.close());

  it('keeps a run as it was accepted', async () => {
    const acceptedAtMs = Math.trunc(harness.nowMs());
    const data = dataNow(harness, {
      priority: 3,
      label: 'nightly',
      lane: 'customer-42',
      deadline_seconds: 90,
      metadata: { tier: 'gold' },
      owner: 'ann',
      on_ambiguous: 'retry',
      follow: 'poll',
      account: 'eu',
      tools: { mode: 'manual' },
      traits: { model: 'gpt-5', tools: 'a+b' },
      poll_cost_seconds: 0.5,
      max_delay_seconds: 30,
      accepted_at: new Date(acceptedAtMs).toISOString(),
    });
    await harness.store.add('run-a', data);

    const record = await recordOf(harness, 'run-a');
    expect(record.spec).toEqual({
      id: 'run-a',
      callbackUrl: null,
      kind: 'responses',
      priority: 3,
      follow: 'poll',
      account: 'eu',
      tools: {
        maxRounds: 20,
        onError: 'report',
        routes: { route: { mode: 'manual', url: null }, byName: {} },
      },
      acceptedAtMs,
      deadlineAtMs: acceptedAtMs + 90_000,
      label: 'nightly',
      lane: 'customer-42',
      onAmbiguous: 'retry',
      metadata: { tier: 'gold' },
      owner: 'ann',
      traits: { model: 'gpt-5', tools: 'a+b' },
      pollCostMs: 500,
      maxDelayMs: 30_000,
    });
    expect(statusOf(record.state)).toBe('accepted');
    expect(record.outcome).toBeNull();
    await expect(harness.store.getData('run-a')).resolves.toEqual(data);
  });

  it('stamps a run that came without a time, and gives it the default deadline', async () => {
    await harness.store.add('run-a', someData());
    const { spec } = await recordOf(harness, 'run-a');
    expect(spec.acceptedAtMs).toBeLessThanOrEqual(harness.nowMs());
    expect(spec.deadlineAtMs).toBeGreaterThan(spec.acceptedAtMs);
    await expect(recordOf(harness, 'run-a')).resolves.toMatchObject({ spec });
  });

  it('leaves an id that exists as it is', async () => {
    await harness.store.add('run-a', dataNow(harness, { label: 'first' }));
    await harness.store.add('run-a', dataNow(harness, { label: 'second' }));
    await harness.store.addMany([
      { id: 'run-a', data: dataNow(harness, { label: 'third' }) },
      { id: 'run-b', data: dataNow(harness, { label: 'other' }) },
    ]);

    expect((await recordOf(harness, 'run-a')).spec.label).toBe('first');
    expect((await recordOf(harness, 'run-b')).spec.label).toBe('other');
    await expect(harness.store.getData('run-a')).resolves.toMatchObject({ label: 'first' });
  });

  it('leaves a run that has moved on, or has ended, as it is when it is added again', async () => {
    await harness.store.add('run-a', dataNow(harness));
    await harness.activate('run-a', (activation) =>
      activation.park(following({ wakeAtMs: harness.nowMs(), looks: 3 })),
    );
    await harness.store.add('run-a', dataNow(harness));
    await expect(recordOf(harness, 'run-a')).resolves.toMatchObject({ state: { looks: 3 } });

    await harness.activate('run-a', (activation) => activation.commit(ended(), anOutcome()));
    await harness.store.add('run-a', dataNow(harness));
    await expect(recordOf(harness, 'run-a')).resolves.toMatchObject({ outcome: anOutcome() });
  });

  it('accepts many in one go, and none of none', async () => {
    await harness.store.addMany([]);
    const runs = Array.from({ length: 100 }, (_, i) => ({ id: `run-m${i}`, data: dataNow(harness) }));
    await harness.store.addMany(runs);
    const records = await Promise.all(runs.map(({ id }) => harness.store.get(id)));
    expect(records.map((record) => record?.spec.id)).toEqual(runs.map(({ id }) => id));
  });

  it('knows no run that was never added', async () => {
    await expect(harness.store.get('run-none')).resolves.toBeNull();
    await expect(harness.store.getData('run-none')).resolves.toBeNull();
  });

  it('gives back a request of a megabyte, any text in it, to the caller and to the worker', async () => {
    const request = {
      model: 'gpt-5',
      input: 'ü 😀 "\\\u0000\u2028'.repeat(60_000),
      nested: { list: [1, 2.5, null, true, { deep: [] }] },
    };
    await harness.store.addMany([{ id: 'run-big', data: dataNow(harness, { request }) }]);

    const data = await harness.store.getData('run-big');
    expect(data?.request).toEqual(request);
    await harness.activate('run-big', async (activation) => {
      await expect(activation.loadRequest()).resolves.toEqual(request);
      await activation.park(following({ wakeAtMs: harness.nowMs() }));
    });
    await harness.activate('run-big', async (activation) => {
      await expect(activation.loadRequest()).resolves.toEqual(request);
      await activation.park(following({ wakeAtMs: harness.nowMs() + 3_600_000 }));
    });
  });

  it('gives back an outcome with an output of a megabyte', async () => {
    const outcome = anOutcome({ output: { text: 'ü'.repeat(500_000), items: [{ a: [null, 'x'] }] } });
    await harness.store.add('run-a', dataNow(harness));
    await harness.activate('run-a', (activation) => activation.commit(ended(), outcome));
    await expect(recordOf(harness, 'run-a')).resolves.toMatchObject({ state: ended(), outcome });
  });

  it('counts runs in flight by kind, and jobs by state', async () => {
    const { store } = harness;
    await store.add('run-a', dataNow(harness));
    await store.add('run-b', dataNow(harness));
    await store.add('run-c', dataNow(harness, { kind: 'assistants', request: { assistant_id: 'asst_1' } }));
    await eventually(async () =>
      expect((await store.counts()).inFlight).toEqual({ responses: 2, assistants: 1 }),
    );

    await harness.activate('run-a', async (activation) => {
      expect((await store.counts()).inFlight.responses).toBe(2);
      await activation.park(following({ wakeAtMs: harness.nowMs() + 3_600_000 }));
    });
    await harness.activate('run-b', (activation) => activation.commit(ended(), anOutcome()));
    await eventually(async () => {
      const counts = await store.counts();
      expect(counts.inFlight).toEqual({ responses: 1, assistants: 1 });
      expect(counts.jobs['delayed']).toBe(1);
      expect(counts.jobs['completed']).toBe(1);
    });
  });

  const { breakDown } = factory;
  if (breakDown !== undefined) {
    it('rejects everything while its service is away', async () => {
      const { store } = harness;
      await store.add('run-a', dataNow(harness));
      await breakDown(harness);
      const unavailable = { name: new StoreUnavailableError('').name };
      await expect(store.add('run-b', dataNow(harness))).rejects.toMatchObject(unavailable);
      await expect(store.addMany([{ id: 'run-c', data: dataNow(harness) }])).rejects.toMatchObject(
        unavailable,
      );
      await expect(store.get('run-a')).rejects.toMatchObject(unavailable);
      await expect(store.getData('run-a')).rejects.toMatchObject(unavailable);
      await expect(store.list({ limit: 1 })).rejects.toMatchObject(unavailable);
      await expect(store.requestCancel('run-a', harness.nowMs())).rejects.toMatchObject(unavailable);
      await expect(store.wake('run-a', 'webhook')).rejects.toMatchObject(unavailable);
      await expect(store.counts()).rejects.toMatchObject(unavailable);
    });
  }
}

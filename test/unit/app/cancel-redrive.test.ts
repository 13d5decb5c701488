import { beforeEach, describe, expect, it } from 'vitest';
import { cancel } from '../../../src/app/cancel.ts';
import { redrive } from '../../../src/app/redrive.ts';
import { RunNotFoundError, RunStillOpenError, StoreUnavailableError } from '../../../src/domain/errors.ts';
import { over, running, t0 } from '../../support/fakes/builders.ts';
import { FakeWorld } from '../../support/fakes/index.ts';

let world: FakeWorld;
beforeEach(async () => {
  world = new FakeWorld();
  await world.add('run-1', { label: 'nightly', metadata: { a: 'b' }, deadline_seconds: 60, owner: 'ann' });
});

describe('cancel', () => {
  it('puts the request on record and returns the run', async () => {
    const record = await cancel(world, 'run-1');
    expect(record).toMatchObject({ spec: { id: 'run-1' }, outcome: null });
    await expect(world.live()).resolves.toMatchObject({ status: 'cancelled' });
    expect(world.responses.calls).toEqual([]);
  });

  it('makes a parked run’s worker cancel at the provider now', async () => {
    world.responses.script('run-1', running());
    await world.step();
    await cancel(world, 'run-1');
    expect(world.store.dueAtMs('run-1')).toBe(t0);
    await expect(world.step()).resolves.toMatchObject({ type: 'ended', outcome: { status: 'cancelled' } });
    expect(world.responses.calls.map(({ call }) => call)).toEqual(['create', 'cancel']);
  });

  it('may be asked for twice', async () => {
    await cancel(world, 'run-1');
    await cancel(world, 'run-1');
    await expect(world.live()).resolves.toMatchObject({ status: 'cancelled' });
  });

  it('leaves a run that has ended as it is', async () => {
    await world.live();
    await expect(cancel(world, 'run-1')).resolves.toMatchObject({ outcome: { status: 'completed' } });
  });

  it('knows no run that is not there', async () => {
    await expect(cancel(world, 'run-none')).rejects.toBeInstanceOf(RunNotFoundError);
  });

  it('says so when nothing can be written', async () => {
    world.store.unavailable = true;
    await expect(cancel(world, 'run-1')).rejects.toBeInstanceOf(StoreUnavailableError);
  });
});

describe('redrive', () => {
  it('runs an ended run again, as a new run with a deadline of its own', async () => {
    world.responses.script('run-1', over('failed'));
    await world.live();
    world.clock.advance(3_600_000);

    const { runId: id, created } = await redrive(world, 'run-1');
    expect(created).toBe(true);
    expect(id).not.toBe('run-1');
    const acceptedAtMs = t0 + 3_600_000;
    await expect(world.store.get(id)).resolves.toMatchObject({
      spec: {
        acceptedAtMs,
        deadlineAtMs: acceptedAtMs + 60_000,
        label: 'nightly',
        metadata: { a: 'b' },
        owner: 'ann',
      },
      outcome: null,
    });
    const first = await world.store.getData('run-1');
    await expect(world.store.getData(id)).resolves.toMatchObject({ request: first?.request });
    await expect(world.live(id)).resolves.toMatchObject({ status: 'completed' });
    await expect(world.store.get('run-1')).resolves.toMatchObject({ outcome: { status: 'failed' } });
  });

  it('once: runs it again if it never was, and tells afterwards as which run', async () => {
    world.responses.script('run-1', over('failed'));
    await world.live();
    await expect(world.store.list({ limit: 9, dead: true })).resolves.toMatchObject({ runs: { length: 1 } });
    const first = await redrive(world, 'run-1', { once: true });
    await expect(redrive(world, 'run-1', { once: true })).resolves.toEqual({ ...first, created: false });
    await expect(world.store.get('run-1')).resolves.toMatchObject({ redrivenAs: first.runId });
    // What was sent again is no dead letter any more.
    await expect(world.store.list({ limit: 9, dead: true })).resolves.toMatchObject({ runs: [] });
    // Without it, each call is one more.
    await expect(redrive(world, 'run-1')).resolves.toMatchObject({ created: true });
    await expect(world.store.list({ limit: 9 })).resolves.toMatchObject({ runs: { length: 3 } });
  });

  it('once: adds the run that a process noted and died before it could add it', async () => {
    world.responses.script('run-1', over('failed'));
    await world.live();
    await world.store.markRedriven('run-1', 'run-noted');
    await expect(redrive(world, 'run-1', { once: true })).resolves.toEqual({
      runId: 'run-noted',
      created: true,
    });
    await expect(world.store.get('run-noted')).resolves.not.toBeNull();
  });

  it('refuses while the run is still going: that would be a second create', async () => {
    await expect(redrive(world, 'run-1')).rejects.toBeInstanceOf(RunStillOpenError);
    await world.step();
    await expect(redrive(world, 'run-1')).rejects.toBeInstanceOf(RunStillOpenError);
    await expect(world.store.list({ limit: 9 })).resolves.toMatchObject({ runs: { length: 1 } });
  });

  it('knows no run that is not there', async () => {
    await expect(redrive(world, 'run-none')).rejects.toBeInstanceOf(RunNotFoundError);
  });
});

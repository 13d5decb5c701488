import { beforeEach, describe, expect, it } from 'vitest';
import { awaitRun } from '../../../src/app/await-run.ts';
import { RunNotFoundError, StoreUnavailableError } from '../../../src/domain/errors.ts';
import type { RunRecord } from '../../../src/ports/run-store.ts';
import { anOutcome, ended, running, t0 } from '../../support/fakes/builders.ts';
import { eventually, FakeWorld } from '../../support/fakes/index.ts';

let world: FakeWorld;
let reads: number;
beforeEach(async () => {
  world = new FakeWorld();
  reads = 0;
  const get = world.store.get.bind(world.store);
  world.store.get = (id) => {
    reads += 1;
    return get(id);
  };
  await world.add();
});

/** A wait under way: it has read once, and sleeps. */
async function waiting(signal = never()): Promise<{ readonly run: Promise<RunRecord> }> {
  const run = awaitRun(world, 'run-1', signal);
  await eventually(() => expect(reads).toBeGreaterThan(0));
  return { run };
}

/** Ends the run without telling anybody. */
async function endQuietly(): Promise<void> {
  const activation = world.claim();
  await activation.commit(ended(), anOutcome());
  world.store.finish('run-1');
}

const tell = (status: 'completed' | 'in_progress'): Promise<void> =>
  world.events.publish({ runId: 'run-1', status, atMs: t0 });

const never = (): AbortSignal => new AbortController().signal;

describe('awaitRun', () => {
  it('returns a run that has ended already, after one read', async () => {
    await endQuietly();
    await expect(awaitRun(world, 'run-1', never())).resolves.toMatchObject({ outcome: anOutcome() });
    expect(reads).toBe(1);
  });

  it('returns a run as soon as it has ended, after two reads', async () => {
    const { run } = await waiting();
    await endQuietly();
    await tell('completed');
    await expect(run).resolves.toMatchObject({ outcome: { status: 'completed' } });
    expect(reads).toBe(2);
  });

  it('returns a run as soon as it asks for tools', async () => {
    const { run } = await waiting();
    world.responses.script('run-1', running('requires_action'));
    await world.step();
    await expect(run).resolves.toMatchObject({ state: { status: 'requires_action' }, outcome: null });
  });

  it('sleeps on while the run does something else', async () => {
    const { run } = await waiting();
    world.responses.script('run-1', running('queued'), running('in_progress'), running('queued'));
    await world.step();
    await world.stepWhenDue();
    await world.stepWhenDue();
    await eventually(() => expect(reads).toBeGreaterThan(1));
    expect(world.events.listenerCount('run-1')).toBe(1);
    world.clock.reach(world.store.dueAtMs('run-1') ?? 0);
    await endQuietly();
    await tell('completed');
    await expect(run).resolves.toMatchObject({ outcome: { status: 'completed' } });
  });

  it('reads again after a gap in the events', async () => {
    const { run } = await waiting();
    await endQuietly();
    world.events.gap();
    await expect(run).resolves.toMatchObject({ outcome: { status: 'completed' } });
  });

  it('reads nothing while nothing happens', async () => {
    const { run } = await waiting();
    for (let turns = 0; turns < 50; turns += 1) await Promise.resolve();
    expect(reads).toBe(1);
    await endQuietly();
    await tell('completed');
    await run;
  });

  it('returns the run as it is when its caller gives up', async () => {
    const patience = new AbortController();
    const { run } = await waiting(patience.signal);
    patience.abort();
    await expect(run).resolves.toMatchObject({ state: { phase: 'accepted' }, outcome: null });
  });

  it('returns at once, after one read, when its caller gave up before', async () => {
    await expect(awaitRun(world, 'run-1', AbortSignal.abort())).resolves.toMatchObject({ outcome: null });
    expect(reads).toBe(1);
  });

  it('knows no run that is not there, and none that is removed meanwhile', async () => {
    await expect(awaitRun(world, 'run-none', never())).rejects.toBeInstanceOf(RunNotFoundError);
    const { run } = await waiting();
    world.store.remove('run-1');
    world.events.gap();
    await expect(run).rejects.toBeInstanceOf(RunNotFoundError);
  });

  it('leaves no listener behind, however it ends', async () => {
    const patience = new AbortController();
    const { run } = await waiting(patience.signal);
    expect(world.events.listenerCount('run-1')).toBe(1);
    patience.abort();
    await run;
    expect(world.events.listenerCount('run-1')).toBe(0);

    world.store.unavailable = true;
    await expect(awaitRun(world, 'run-1', never())).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(world.events.listenerCount('run-1')).toBe(0);
  });

  describe('loses no wake', () => {
    it('when the run ends between its first read and its sleep', async () => {
      // The read saw the run open; the end comes before the reader has its answer.
      const get = world.store.get.bind(world.store);
      world.store.get = async (id) => {
        const record = await get(id);
        world.store.get = get;
        await endQuietly();
        await tell('completed');
        return record;
      };
      await expect(awaitRun(world, 'run-1', never())).resolves.toMatchObject({
        outcome: { status: 'completed' },
      });
    });

    it('when its caller gives up between its first read and its sleep', async () => {
      const patience = new AbortController();
      const get = world.store.get.bind(world.store);
      world.store.get = async (id) => {
        const record = await get(id);
        patience.abort();
        return record;
      };
      await expect(awaitRun(world, 'run-1', patience.signal)).resolves.toMatchObject({ outcome: null });
    });

    it('whenever the end comes', async () => {
      for (let turnsBefore = 0; turnsBefore < 12; turnsBefore += 1) {
        const id = `run-${turnsBefore}x`;
        await world.add(id);
        const run = awaitRun(world, id, never());
        for (let turns = 0; turns < turnsBefore; turns += 1) await Promise.resolve();
        await world.live(id);
        await expect(run).resolves.toMatchObject({ outcome: { status: 'completed' } });
      }
    });

    it('by one of many who wait for the same run', async () => {
      const all = Array.from({ length: 10 }, () => awaitRun(world, 'run-1', never()));
      await world.live();
      const records = await Promise.all(all);
      expect(records.every(({ outcome }) => outcome?.status === 'completed')).toBe(true);
      expect(world.events.listenerCount('run-1')).toBe(0);
    });
  });
});

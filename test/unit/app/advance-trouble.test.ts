/** Steps that go wrong: workers that die or are held up, bugs of our own, a store that is away. */

import { beforeEach, describe, expect, it } from 'vitest';
import { advance } from '../../../src/app/advance.ts';
import { ActivationLostError, StoreUnavailableError } from '../../../src/domain/errors.ts';
import { defaultPolicy } from '../../../src/domain/policy.ts';
import { aFault, anOutcome, ended, over, running, seconds, t0 } from '../../support/fakes/builders.ts';
import { FakeWorld } from '../../support/fakes/index.ts';

let world: FakeWorld;
beforeEach(async () => {
  world = new FakeWorld();
  await world.add();
  await world.add('run-a', {
    kind: 'assistants',
    request: { assistant_id: 'asst_1', thread_id: 'thread_1' },
  });
});

const state = async (id = 'run-1') => (await world.store.get(id))?.state;

/** The worker dies while this call is out; what reaches the provider is done all the same. */
function dieDuring(call: 'create' | 'retrieve', id: string): void {
  const provider = id === 'run-a' ? world.assistants : world.responses;
  provider.onCall = (made) => {
    if (made === call) {
      world.store.loseActivation(id);
      provider.onCall = () => {};
    }
  };
}

describe('a worker that dies', () => {
  it('has its intent on record before the create is sent', async () => {
    let atCall: unknown;
    world.responses.onCall = async () => {
      atCall = await state();
    };
    await world.step();
    expect(atCall).toMatchObject({ phase: 'creating', intentAtMs: t0, calls: { create: 1 } });
  });

  it('during the create: the run is found again, and not created twice', async () => {
    world.assistants.script('run-a', running('queued'), over());
    world.assistants.failNext('create', aFault('unclear'), { processed: true });
    await expect(world.live('run-a')).resolves.toMatchObject({ status: 'completed' });
    expect(world.assistants.startedFor('run-a')).toBe(1);
    expect(world.assistants.calls.map(({ call }) => call).slice(0, 2)).toEqual(['create', 'find']);
  });

  // The same from outside as a worker that dies, but for its answer, which comes late.
  describe('during the create, only seemingly', () => {
    it.each(['run-1', 'run-a'])('%s: its answer is left to whoever took over', async (id) => {
      dieDuring('create', id);
      await expect(world.step(id)).rejects.toBeInstanceOf(ActivationLostError);
      await expect(world.live(id)).resolves.toMatchObject({ status: 'completed' });
      const provider = id === 'run-a' ? world.assistants : world.responses;
      expect(provider.startedFor(id)).toBe(1);
      expect(provider.calls.map(({ call }) => call).slice(0, 2)).toEqual(['create', 'retrieve']);
    });

    it('also when the run had ended by then', async () => {
      world.responses.script('run-1', over());
      dieDuring('create', 'run-1');
      await expect(world.step()).rejects.toBeInstanceOf(ActivationLostError);
      await expect(world.live()).resolves.toMatchObject({ status: 'completed' });
      expect(world.responses.calls.map(({ call }) => call)).toEqual(['create', 'retrieve']);
    });
  });

  it('during the create, where nobody can find the run: quarantine, then an honest end', async () => {
    world.responses.failNext('create', aFault('unclear'), { processed: true });
    await expect(world.live()).resolves.toMatchObject({
      status: 'failed',
      error: { code: 'ambiguous_create' },
    });
    expect(world.clock.nowMs()).toBe(t0 + defaultPolicy.quarantineMs);
    expect(world.responses.startedFor('run-1')).toBe(1);
  });

  it('during a look: the look is repeated', async () => {
    world.responses.script('run-1', running(), running(), over());
    await world.step();
    dieDuring('retrieve', 'run-1');
    await expect(world.stepWhenDue()).rejects.toBeInstanceOf(ActivationLostError);
    await expect(world.live()).resolves.toMatchObject({ status: 'completed' });
  });

  it('during a look that a webhook asked for: the look is repeated at once, not when it was due', async () => {
    world.responses.script('run-1', running('queued', { pollAfterMs: seconds(300) }), over());
    await world.step();
    world.clock.advance(seconds(20));
    await world.store.wake('run-1', 'webhook');
    dieDuring('retrieve', 'run-1');
    await expect(world.step()).rejects.toBeInstanceOf(ActivationLostError);
    await expect(world.step()).resolves.toMatchObject({
      outcome: { status: 'completed', foundBy: 'webhook' },
    });
  });

  it('after it wrote the outcome: the run is settled again, and nothing else', async () => {
    world.responses.script('run-1', over());
    await advance(world.claim(), world.deps);
    const before = await world.store.get('run-1');
    world.store.loseActivation('run-1');

    await expect(world.step()).resolves.toMatchObject({
      type: 'ended',
      outcome: before?.outcome,
    });
    expect(world.events.statusesOf('run-1')).toEqual(['completed', 'completed']);
    expect(world.telemetry.ended).toHaveLength(1);
    expect(world.responses.calls).toHaveLength(1);
    await expect(world.store.get('run-1')).resolves.toEqual(before);
  });
});

/** Its event loop is blocked for so long, right after it saved its intent. */
async function heldUp(ms: number): Promise<void> {
  const activation = world.claim();
  const save = activation.save.bind(activation);
  activation.save = async (saved) => {
    await save(saved);
    world.clock.advance(ms);
  };
  await advance(activation, world.deps);
}

describe('a worker that is held up between its intent and its create', () => {
  it('sends nothing, and the run is created later', async () => {
    await heldUp(2001);
    expect(world.responses.calls).toEqual([]);
    await expect(state()).resolves.toMatchObject({
      phase: 'accepted',
      lastFault: { code: 'worker_stalled' },
    });
    await expect(world.live()).resolves.toMatchObject({ status: 'completed' });
    expect(world.responses.startedFor('run-1')).toBe(1);
  });

  it('reports no API call, since there was none', async () => {
    await heldUp(2001);
    expect(world.telemetry.apiCalls).toEqual([]);
  });

  it('sends it when it was held up for no more than a moment', async () => {
    await heldUp(2000);
    expect(world.responses.startedFor('run-1')).toBe(1);
  });
});

describe('a bug of our own', () => {
  it('ends the run visibly', async () => {
    world.responses.failNext('retrieve', new TypeError('x is not a function'));
    world.responses.script('run-1', running());
    await world.step();
    await expect(world.stepWhenDue()).resolves.toMatchObject({
      outcome: { status: 'failed', error: { code: 'internal_error', message: 'x is not a function' } },
    });
    await expect(state()).resolves.toMatchObject({ phase: 'ended', providerRunId: 'prov-1' });
    expect(world.telemetry.logged('error')).toHaveLength(1);
    expect(world.telemetry.ended).toHaveLength(1);
    expect(world.events.statusesOf('run-1').at(-1)).toBe('failed');
  });

  it('is what a request that is gone is taken for', async () => {
    world.store.removeRequest('run-1');
    const { outcome } = await world.step().then((advanced) => {
      if (advanced.type !== 'ended') throw new Error('It did not end.');
      return advanced;
    });
    expect(outcome.error).toMatchObject({ code: 'internal_error' });
    expect(outcome.error?.message).toContain('request');
    expect(world.responses.calls).toEqual([]);
  });

  it('does not end a run twice', async () => {
    // Another worker's outcome stands; this one finds it when it tries to write its own.
    const activation = world.claim();
    await activation.commit(ended({ status: 'cancelled' }), anOutcome({ status: 'cancelled' }));
    world.responses.failNext('create', new Error('Oops.'));
    await expect(advance(activation, world.deps)).resolves.toMatchObject({
      outcome: { status: 'cancelled' },
    });
    expect(world.telemetry.ended).toEqual([]);
  });
});

describe('what is not the run’s fault', () => {
  it('passes on that the activation was lost, and ends nothing', async () => {
    const activation = world.claim();
    world.store.loseActivation('run-1');
    await expect(advance(activation, world.deps)).rejects.toBeInstanceOf(ActivationLostError);
    await expect(world.store.get('run-1')).resolves.toMatchObject({ outcome: null });
    expect(world.responses.calls).toEqual([]);
  });

  it('passes on that the store is away, and ends nothing', async () => {
    const activation = world.claim();
    world.store.unavailable = true;
    await expect(advance(activation, world.deps)).rejects.toBeInstanceOf(StoreUnavailableError);
    world.store.unavailable = false;
    await expect(world.store.get('run-1')).resolves.toMatchObject({ outcome: null });
  });

  it('makes no call while the rate gate is away', async () => {
    world.gate.unavailable = true;
    await expect(advance(world.claim(), world.deps)).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(world.responses.calls).toEqual([]);
    await expect(world.store.get('run-1')).resolves.toMatchObject({ outcome: null });
  });

  it('does not send a create whose intent cannot be written', async () => {
    const activation = world.claim();
    activation.save = () => Promise.reject(new StoreUnavailableError('Read only.'));
    await expect(advance(activation, world.deps)).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(world.responses.calls).toEqual([]);
  });

  it('keeps a run parked when its new status cannot be told: events may be lost', async () => {
    world.responses.script('run-1', running('queued'));
    world.events.failure = new Error('The connection is closed.');
    await expect(world.step()).resolves.toEqual({ type: 'parked' });
    await expect(world.store.get('run-1')).resolves.toMatchObject({
      state: { phase: 'following' },
      outcome: null,
    });
  });

  it('keeps the outcome when nobody can be told of it, and tells it at the next try', async () => {
    world.responses.script('run-1', over());
    world.events.failure = new StoreUnavailableError('The connection is closed.');
    await expect(advance(world.claim(), world.deps)).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(world.store.get('run-1')).resolves.toMatchObject({ outcome: { status: 'completed' } });

    world.events.failure = null;
    world.store.loseActivation('run-1');
    await expect(world.step()).resolves.toMatchObject({ outcome: { status: 'completed' } });
    expect(world.events.statusesOf('run-1')).toEqual(['completed']);
    expect(world.telemetry.ended).toHaveLength(1);
  });

  it('makes no call for a run that was promoted before its time', async () => {
    world.responses.script('run-1', running('queued', { pollAfterMs: seconds(100) }));
    await world.step();
    world.clock.advance(seconds(5));
    // As a click on the board does.
    world.store.loseActivation('run-1');
    await expect(world.step()).resolves.toEqual({ type: 'parked' });
    expect(world.responses.count('retrieve')).toBe(0);
    expect(world.store.dueAtMs('run-1')).toBe(t0 + seconds(100));
  });

  it('goes on through a provider that is away for minutes', async () => {
    world.responses.script('run-1', running(), over());
    await world.step();
    for (let n = 0; n < 8; n += 1) world.responses.failNext('retrieve', aFault('unclear'));
    await expect(world.live()).resolves.toMatchObject({ status: 'completed' });
    expect(world.responses.count('retrieve')).toBe(9);
  });
});

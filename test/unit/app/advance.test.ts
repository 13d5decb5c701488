/** One step: what is asked of the gate, the provider and the store, and in which order. */

import { beforeEach, describe, expect, it } from 'vitest';
import { advance } from '../../../src/app/advance.ts';
import { totalCalls } from '../../../src/domain/run.ts';
import { aFault, over, running, seconds, t0, unheardOf } from '../../support/fakes/builders.ts';
import { FakeWorld } from '../../support/fakes/index.ts';

let world: FakeWorld;
beforeEach(async () => {
  world = new FakeWorld();
  await world.add();
});

const state = async () => (await world.store.get('run-1'))?.state;
const made = (): string[] => world.responses.calls.map(({ call }) => call);

describe('a life', () => {
  it('goes from the create by looks to the end, and everybody is told', async () => {
    world.responses.script('run-1', running('queued'), running(), running(), over());
    await expect(world.live()).resolves.toMatchObject({ status: 'completed', foundBy: 'poll' });

    expect(made()).toEqual(['create', 'retrieve', 'retrieve', 'retrieve']);
    expect(world.gate.asked.map(({ callClass }) => callClass)).toEqual(['create', 'look', 'look', 'look']);
    expect(world.events.statusesOf('run-1')).toEqual(['queued', 'in_progress', 'completed']);
    expect(world.telemetry.ended).toMatchObject([
      { spec: { id: 'run-1' }, outcome: { status: 'completed' } },
    ]);
    await expect(state()).resolves.toMatchObject({ phase: 'ended', calls: { create: 1, retrieve: 3 } });
    await expect(world.store.get('run-1')).resolves.toMatchObject({ outcome: { status: 'completed' } });
  });

  it('sends the request as it was accepted, and reads it only to create', async () => {
    const requests: unknown[] = [];
    const create = world.responses.create.bind(world.responses);
    world.responses.create = (request, runId) => {
      requests.push({ request, runId });
      return create(request, runId);
    };
    world.responses.script('run-1', running(), running(), over());
    await world.step();
    // Looks must not need it: it may be megabytes.
    world.store.removeRequest('run-1');
    await expect(world.live()).resolves.toMatchObject({ status: 'completed' });
    expect(requests).toEqual([{ request: { model: 'gpt-5', input: 'Hello' }, runId: 'run-1' }]);
  });

  it('goes to the provider of its kind, and fetches an output that is kept apart', async () => {
    await world.add('run-2', {
      kind: 'assistants',
      request: { assistant_id: 'asst_1', thread_id: 'thread_1' },
    });
    world.assistants.script('run-2', running('queued'), over('completed', { output: 'separate' }));
    await expect(world.live('run-2')).resolves.toMatchObject({
      status: 'completed',
      output: world.assistants.separateOutput,
    });
    expect(made()).toEqual([]);
    expect(world.gate.asked.map(({ callClass }) => callClass)).toEqual(['create', 'look', 'other']);
    await expect(world.store.get('run-2')).resolves.toMatchObject({
      state: { calls: { create: 1, retrieve: 1, list: 1 }, threadId: 'thread_1' },
    });
  });

  it('is found over by the webhook that woke it', async () => {
    world.responses.script('run-1', running('queued', { pollAfterMs: seconds(300) }), over());
    await world.step();
    world.clock.advance(seconds(20));
    await world.store.wake('run-1', 'webhook');
    await expect(world.step()).resolves.toMatchObject({
      outcome: { status: 'completed', foundBy: 'webhook' },
    });
    expect(made()).toEqual(['create', 'retrieve']);
  });

  it('keeps quiet on the bus while its status stays the same', async () => {
    world.responses.script('run-1', running(), running(), running(), over());
    await world.live();
    expect(world.events.statusesOf('run-1')).toEqual(['in_progress', 'completed']);
  });
});

describe('a permit that is denied', () => {
  it('parks the run at the time of the permit, without a call', async () => {
    world.gate.denyNext(t0 + seconds(7));
    await expect(world.step()).resolves.toEqual({ type: 'parked' });
    expect(made()).toEqual([]);
    expect(world.store.dueAtMs('run-1')).toBe(t0 + seconds(7));
    await expect(state()).resolves.toMatchObject({ phase: 'accepted', calls: { create: 0 } });

    world.clock.advance(seconds(7));
    await world.step();
    expect(made()).toEqual(['create']);
  });

  it('keeps the run as it was for a look', async () => {
    await world.step();
    world.clock.advance(500);
    world.gate.denyNext(t0 + seconds(9), 'paused');
    await world.step();
    expect(made()).toEqual(['create']);
    await expect(state()).resolves.toMatchObject({ phase: 'following', looks: 0, calls: { retrieve: 0 } });
    expect(world.store.dueAtMs('run-1')).toBe(t0 + seconds(9));
  });

  it('does not keep the run beyond its deadline', async () => {
    world.gate.denyNext(t0 + seconds(9999), 'paused');
    await world.step();
    world.clock.reach(world.store.dueAtMs('run-1') ?? 0);
    await expect(world.step()).resolves.toMatchObject({ outcome: { status: 'timed_out' } });
    expect(made()).toEqual([]);
  });

  it('keeps a cancel on record', async () => {
    world.responses.script('run-1', running());
    await world.step();
    await world.store.requestCancel('run-1', t0);
    world.gate.denyNext(t0 + seconds(3));
    await world.step();
    await expect(state()).resolves.toMatchObject({ cancel: { reason: 'caller' }, cancelSentAtMs: null });
    await expect(world.stepWhenDue()).resolves.toMatchObject({ outcome: { status: 'cancelled' } });
    expect(world.gate.asked.at(-1)?.callClass).toBe('cancel');
  });

  it('ends a run that is being cancelled after its grace all the same', async () => {
    world.responses.script('run-1', running());
    await world.step();
    await world.store.requestCancel('run-1', t0);
    world.gate.denyNext(t0 + seconds(86_400), 'paused');
    await world.step();
    expect(world.store.dueAtMs('run-1')).toBeLessThanOrEqual(t0 + seconds(60));
  });
});

describe('the calls of a run', () => {
  it('are counted, the failed ones too, by what was answered', async () => {
    world.responses.script('run-1', running('queued'), over());
    world.responses.failNext('create', aFault('throttled', { httpStatus: 429 }));
    world.responses.failNext('retrieve', aFault('unavailable', { httpStatus: 503 }));
    world.responses.failNext('retrieve', aFault('unclear', { httpStatus: null }));
    await world.live();
    const after = await state();
    expect(after?.calls).toEqual({ create: 2, retrieve: 3, submit: 0, cancel: 0, list: 0 });
    expect(totalCalls(after?.calls ?? { create: 0, retrieve: 0, submit: 0, cancel: 0, list: 0 })).toBe(
      world.responses.calls.length,
    );
    expect(world.telemetry.apiCalls.map(({ operation, code }) => `${operation} ${code}`)).toEqual([
      'create 429',
      'create 200',
      'retrieve 503',
      'retrieve error',
      'retrieve 200',
    ]);
    expect(world.telemetry.throttledCount).toBe(1);
  });

  it('stop for everybody while the provider says so', async () => {
    world.responses.failNext('create', aFault('throttled', { retryAfterMs: seconds(40) }));
    await world.step();
    expect(world.gate.quota.pausedUntilMs).toBe(t0 + seconds(40));
    expect(world.store.dueAtMs('run-1')).toBe(t0 + seconds(40));
    await world.add('run-2');
    await world.step('run-2');
    expect(made()).toEqual(['create']);
  });

  it('pause nobody when the provider names no time', async () => {
    world.responses.failNext('create', aFault('throttled'));
    await world.step();
    expect(world.gate.quota.pausedUntilMs).toBe(0);
  });

  it('tell the fleet when the credential is refused', async () => {
    world.responses.failNext('create', aFault('unauthorized', { message: 'Wrong key.' }));
    await expect(world.step()).resolves.toMatchObject({ outcome: { status: 'rejected' } });
    await expect(world.health.current()).resolves.toMatchObject({ message: 'Wrong key.' });
  });
});

const warnings = () => world.telemetry.logged('warn').map(({ fields }) => fields);

describe('a status that nobody knows', () => {
  it('counts as running, and is logged once', async () => {
    const odd = unheardOf('pondering');
    world.responses.script('run-1', running('queued'), odd, odd, odd, over());
    await expect(world.live()).resolves.toMatchObject({ status: 'completed' });
    expect(warnings()).toEqual([{ runId: 'run-1', providerRunId: 'prov-1', status: 'pondering' }]);
  });

  it('is logged once also when the create is answered so', async () => {
    const odd = unheardOf('pondering');
    world.responses.script('run-1', odd, odd, over());
    await world.live();
    expect(warnings()).toHaveLength(1);
  });

  it('is logged again when it is another one', async () => {
    world.responses.script('run-1', unheardOf('pondering'), unheardOf('dreaming'), over());
    await world.live();
    expect(warnings().map((fields) => fields['status'])).toEqual(['pondering', 'dreaming']);
  });
});

describe('a cancel', () => {
  it('that comes while the create is out is acted upon in the next step, at once', async () => {
    world.responses.script('run-1', running());
    world.responses.onCall = async (call) => {
      if (call === 'create') await world.store.requestCancel('run-1', world.clock.nowMs());
    };
    await world.step();
    expect(world.store.dueAtMs('run-1')).toBe(t0);
    await expect(world.step()).resolves.toMatchObject({ outcome: { status: 'cancelled' } });
    expect(made()).toEqual(['create', 'cancel']);
    expect(world.events.statusesOf('run-1')).toEqual(['in_progress', 'cancelled']);
  });

  it('that is accepted shows as cancelling until it is confirmed', async () => {
    world.responses.script('run-1', running());
    world.responses.cancelBehaviour = 'accepted';
    await world.step();
    await world.store.requestCancel('run-1', t0);
    await world.step();
    expect(world.events.statusesOf('run-1').at(-1)).toBe('cancelling');
    await expect(world.live()).resolves.toMatchObject({ status: 'cancelled' });
    expect(world.responses.count('cancel')).toBe(1);
  });

  it('that nobody obeys ends after its grace', async () => {
    world.responses.script('run-1', running());
    world.responses.cancelBehaviour = 'ignored';
    await world.step();
    await world.store.requestCancel('run-1', t0);
    const outcome = await world.live();
    expect(outcome).toMatchObject({ status: 'cancelled' });
    expect(outcome.error?.message).toContain('did not confirm');
    expect(world.clock.nowMs()).toBeLessThanOrEqual(t0 + seconds(66));
  });
});

describe('two workers', () => {
  it('write one outcome, and count it once', async () => {
    world.responses.script('run-1', over());
    const slow = world.claim();
    world.store.loseActivation('run-1');
    await world.step();
    await expect(advance(slow, world.deps)).rejects.toMatchObject({ name: 'ActivationLostError' });
    expect(world.telemetry.ended).toHaveLength(1);
    expect(made()).toEqual(['create']);
  });
});

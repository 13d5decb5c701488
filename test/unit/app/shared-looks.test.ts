/** Looks that share a permit and a call. */

import { beforeEach, expect, it } from 'vitest';
import { aFault, over, running } from '../../support/fakes/builders.ts';
import { FakeWorld } from '../../support/fakes/index.ts';

let world: FakeWorld;
beforeEach(() => {
  world = new FakeWorld();
});

/** Runs that have started on this thread and are due for a look. */
async function started(thread: string, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const request = { assistant_id: 'asst_1', thread_id: thread };
    await world.add(id, { kind: 'assistants', request });
    world.assistants.script(id, running(), running(), over());
    await world.step(id);
  }
  world.clock.reach(Math.max(...ids.map((id) => world.store.dueAtMs(id) ?? 0)));
}

async function stepAll(...ids: readonly string[]): Promise<string[]> {
  const advanced = await Promise.all(ids.map((id) => world.step(id)));
  return advanced.map(({ type }) => type);
}

const permits = (): number => world.gate.asked.filter(({ callClass }) => callClass === 'look').length;
const count = (call: 'retrieve' | 'retrieveMany'): number => world.assistants.count(call);

it('runs of one thread that are due together are looked at with one permit and one call', async () => {
  await started('thread-1', 'run-1', 'run-2', 'run-3');
  await stepAll('run-1', 'run-2', 'run-3');
  expect([permits(), count('retrieveMany'), count('retrieve')]).toEqual([1, 1, 0]);
  const records = await Promise.all(['run-1', 'run-2', 'run-3'].map((id) => world.store.get(id)));
  expect(records.map((record) => record?.state.calls.list)).toEqual([1, 0, 0]);
  expect(records.map((record) => record?.state.calls.retrieve)).toEqual([0, 0, 0]);
  expect(world.telemetry.apiCalls.filter(({ operation }) => operation === 'list')).toHaveLength(1);
});

it('each of them gets its own end', async () => {
  await started('thread-1', 'run-1', 'run-2');
  world.assistants.script('run-2', running());
  await stepAll('run-1', 'run-2');
  world.clock.reach(Math.max(world.store.dueAtMs('run-1') ?? 0, world.store.dueAtMs('run-2') ?? 0));
  expect(await stepAll('run-1', 'run-2')).toEqual(['ended', 'ended']);
});

it('no more of them join than a call can show', async () => {
  const ids = ['run-1', 'run-2', 'run-3', 'run-4'];
  await started('thread-1', ...ids);
  await stepAll(...ids);
  expect([count('retrieveMany'), count('retrieve')]).toEqual([1, 1]);
});

it('runs of other threads, and a run by itself, are looked at as ever', async () => {
  await started('thread-1', 'run-1');
  await started('thread-2', 'run-2');
  await stepAll('run-1', 'run-2');
  expect([permits(), count('retrieveMany'), count('retrieve')]).toEqual([2, 0, 2]);
});

it('where the one call fails, each looks for itself', async () => {
  await started('thread-1', 'run-1', 'run-2');
  world.assistants.failNext('retrieveMany', aFault('not_found'));
  await stepAll('run-1', 'run-2');
  expect([permits(), count('retrieveMany'), count('retrieve')]).toEqual([3, 1, 2]);
  expect((await world.store.get('run-1'))?.state).toMatchObject({ faultStreak: 0 });
});

it('a run that the one call does not show looks for itself', async () => {
  await started('thread-1', 'run-1', 'run-2');
  world.assistants.hideFromLists('run-2');
  await stepAll('run-1', 'run-2');
  expect([permits(), count('retrieveMany'), count('retrieve')]).toEqual([2, 1, 1]);
});

it('without a permit, all come back together', async () => {
  await started('thread-1', 'run-1', 'run-2');
  const atMs = world.clock.nowMs() + 7000;
  world.gate.denyNext(atMs, 'quota', 'a ticket');
  await stepAll('run-1', 'run-2');
  expect([world.store.dueAtMs('run-1'), world.store.dueAtMs('run-2')]).toEqual([atMs, atMs]);
  expect((await world.store.get('run-1'))?.state.permit?.ticket).toBe('a ticket');
  expect((await world.store.get('run-2'))?.state.permit).toBeUndefined();
  expect(permits()).toBe(1);
});

it('whoever has a place in the queue keeps it', async () => {
  await started('thread-1', 'run-2', 'run-1');
  world.gate.denyNext(world.clock.nowMs() + 10, 'quota', 'a ticket');
  await world.step('run-2');
  world.clock.reach(world.store.dueAtMs('run-2') ?? 0);
  await stepAll('run-1', 'run-2');
  expect(count('retrieve')).toBe(2);
});

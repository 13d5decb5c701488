/** Runs whose create was never answered are found again by their webhooks, and what others do costs next to nothing. */

import { expect, it } from 'vitest';
import type { Activation } from '../../../src/ports/run-store.ts';
import { eventually } from '../../support/eventually.ts';
import { creating, following } from '../../support/fakes/builders.ts';
import { useRedis } from '../../support/redis.ts';
import { turns, webhookRig } from './rig.ts';

const redis = useRedis();
const hourMs = 3_600_000;

/** A provider that answers no create, and whose runs are known to nobody but by their webhooks. */
function lostCreates(owners: ReadonlyMap<string, string>) {
  const adopted = new Map<string, string>();
  let looks = 0;
  const step = async (activation: Activation) => {
    const { id } = activation.spec;
    const { candidate } = await activation.takeSignals();
    const { state } = activation;
    if (state.phase === 'accepted') {
      await activation.save(creating({ intentAtMs: Date.now() }));
      await turns(6);
      await activation.park(creating({ intentAtMs: Date.now(), wakeAtMs: Date.now() + hourMs }));
      return { type: 'parked' } as const;
    }
    if (candidate === undefined) {
      await activation.park({ ...state, wakeAtMs: Date.now() + hourMs });
      return { type: 'parked' } as const;
    }
    looks += 1;
    const owner = owners.get(candidate);
    if (owner === id) {
      adopted.set(id, candidate);
      await activation.park(following({ providerRunId: candidate, wakeAtMs: Date.now() + hourMs }));
      return { type: 'parked' } as const;
    }
    if (owner !== undefined) await activation.handOver(owner, candidate);
    if (state.phase !== 'creating') throw new Error(`A run that is ${state.phase} looks at a candidate.`);
    await activation.park({ ...state, inspections: (state.inspections ?? 0) + 1, wakeAtMs: Date.now() + 1 });
    return { type: 'parked' } as const;
  };
  return { adopted, step, looks: () => looks };
}

it('finds every run again, with two looks a run at most, however many are lost at once', async () => {
  const rig = webhookRig(redis);
  const runs = Array.from({ length: 40 }, (_, n) => `run-${n}`);
  const owners = new Map(runs.map((id) => [`resp_${id}`, id]));
  const provider = lostCreates(owners);
  await rig.work(provider.step);
  await rig.work(provider.step);
  await Promise.all(runs.map((id) => rig.add(id)));
  await eventually(
    'all creates to be out',
    () => redis.client.zcard(rig.keys.statusIndex('responses', 'creating')),
    (count) => count === runs.length,
  );
  await Promise.all(
    runs.map(async (id) => {
      await turns(20);
      expect(['early', 'woken', 'duplicate']).toContain(await rig.take(`resp_${id}`, `wh_${id}`));
    }),
  );
  await eventually(
    'every run to be adopted',
    () => provider.adopted.size,
    (size) => size === runs.length,
  );
  expect(provider.looks()).toBeLessThanOrEqual(2 * runs.length);
  for (const [id, candidate] of provider.adopted) expect(candidate).toBe(`resp_${id}`);
  await eventually(
    'nobody to wait',
    () => redis.client.zcard(rig.keys.quarantine('default')),
    (count) => count === 0,
  );
  expect(await redis.client.zcard(rig.keys.unclaimed('default'))).toBe(0);
});

it('looks at the id of somebody else once, whatever the sender repeats', async () => {
  const rig = webhookRig(redis);
  const provider = lostCreates(new Map());
  await rig.work(provider.step);
  await rig.add('run-1');
  await eventually(
    'its quarantine',
    () => redis.client.zcard(rig.keys.quarantine('default')),
    (count) => count === 1,
  );
  for (let n = 0; n < 20; n += 1) await rig.take('resp_foreign', `wh_${n}`);
  await eventually('the look', provider.looks, (looks) => looks === 1);
  for (let n = 20; n < 40; n += 1) expect(await rig.take('resp_foreign', `wh_${n}`)).toBe('early');
  await eventually(
    'quiet',
    () => rig.store.counts(),
    ({ jobs }) => jobs['delayed'] === 1 && jobs['active'] === 0 && jobs['waiting'] === 0,
  );
  expect(provider.looks()).toBe(1);
});

it('leaves a run that has an id to look at asleep until then, whatever else is told', async () => {
  const rig = webhookRig(redis);
  let steps = 0;
  let held: string | undefined;
  const intentAtMs = Date.now();
  await rig.work(async (activation) => {
    steps += 1;
    const { candidate } = await activation.takeSignals();
    held ??= candidate;
    const state = creating({ intentAtMs, wakeAtMs: Date.now() + hourMs });
    if (activation.state.phase === 'accepted') await activation.save(state);
    // The provider was busy, and is asked again in an hour.
    await activation.park(held === undefined ? state : { ...state, candidate: held });
    return { type: 'parked' };
  });
  await rig.add('run-1');
  await eventually(
    'its quarantine',
    () => redis.client.zcard(rig.keys.quarantine('default')),
    (count) => count === 1,
  );
  await rig.take('resp_0', 'wh_0');
  await eventually(
    'its candidate',
    () => held,
    (id) => id === 'resp_0',
  );
  for (let n = 1; n < 40; n += 1) {
    await rig.take(`resp_${n}`, `wh_${n}`);
    await eventually(
      'quiet',
      () => rig.store.counts(),
      ({ jobs }) => jobs['delayed'] === 1 && jobs['active'] === 0 && jobs['waiting'] === 0,
    );
  }
  // One of the ids may have come before it was asleep.
  expect(steps).toBeLessThanOrEqual(3);
});

it('leaves what it has looked at in vain to those that still wait, when it has found its own', async () => {
  const rig = webhookRig(redis);
  const intentAtMs = Date.now();
  const looks: unknown[] = [];
  await rig.work(async (activation) => {
    const { id } = activation.spec;
    const { candidate } = await activation.takeSignals();
    const state = creating({ intentAtMs, wakeAtMs: Date.now() + hourMs });
    if (activation.state.phase === 'accepted') await activation.save(state);
    if (candidate !== undefined) looks.push([id, candidate]);
    const missed = [{ id: 'resp_2', sinceMs: intentAtMs, againAtMs: intentAtMs + hourMs }];
    if (candidate === undefined) await activation.park(state);
    else if (candidate === 'resp_2' && id === 'run-1')
      await activation.park({ ...state, inspections: 1, missed });
    else await activation.park(following({ providerRunId: candidate, wakeAtMs: Date.now() + hourMs }));
    return { type: 'parked' };
  });
  const waiting = async (count: number): Promise<unknown> =>
    await eventually(
      `${count} in quarantine`,
      () => redis.client.zcard(rig.keys.quarantine('default')),
      (found) => found === count,
    );
  await rig.add('run-1');
  await waiting(1);
  await rig.take('resp_2', 'wh_2');
  await eventually(
    'the first look',
    () => looks,
    (made) => made.length === 1,
  );
  await redis.client.del(rig.keys.quarantine('default'));
  await rig.add('run-2');
  await waiting(1);
  await redis.client.hset(rig.keys.job('run-1'), 'provider', 'resp_1');
  await rig.store.wake('run-1', 'webhook');
  await eventually(
    'both to have theirs',
    () => looks,
    (made) => made.length === 3,
  );
  expect(looks).toEqual([
    ['run-1', 'resp_2'],
    ['run-1', 'resp_1'],
    ['run-2', 'resp_2'],
  ]);
});

it('takes over an id that a worker had on record before it died', async () => {
  const rig = webhookRig(redis);
  let died = false;
  const candidates: unknown[] = [];
  await rig.work(async (activation) => {
    const { candidate } = await activation.takeSignals();
    if (activation.state.phase === 'accepted')
      await activation.save(creating({ intentAtMs: Date.now(), wakeAtMs: Date.now() }));
    if (!died) {
      died = true;
      // It linked the id, and could not park.
      await redis.client.hset(rig.keys.job('run-1'), 'provider', 'resp_1');
      await redis.client.del(rig.keys.lock('run-1'));
      await activation.save(creating());
    }
    candidates.push(candidate);
    await activation.park(following({ providerRunId: 'resp_1', wakeAtMs: Date.now() + hourMs }));
    return { type: 'parked' };
  });
  await rig.add('run-1');
  await eventually(
    'the next worker',
    () => candidates,
    (seen) => seen.length === 1,
    { withinMs: 15_000 },
  );
  expect(candidates).toEqual(['resp_1']);
});

it('looks again at an id whose claim its worker has not survived', async () => {
  const rig = webhookRig(redis);
  const candidates: unknown[] = [];
  const intentAtMs = Date.now();
  await rig.work(async (activation) => {
    if (activation.state.phase === 'accepted') {
      await activation.save(creating({ intentAtMs }));
      await rig.take('resp_1', 'wh_1');
      await activation.park(creating({ intentAtMs, wakeAtMs: Date.now() + 1 }));
      return { type: 'parked' };
    }
    const { candidate } = await activation.takeSignals();
    candidates.push(candidate);
    if (candidates.length === 1) {
      await redis.client.del(rig.keys.lock('run-1'));
      await activation.save(creating({ intentAtMs }));
    }
    const next = creating({ intentAtMs, inspections: candidates.length, wakeAtMs: Date.now() + 1 });
    await activation.park(candidates.length < 3 ? next : { ...next, wakeAtMs: Date.now() + hourMs });
    return { type: 'parked' };
  });
  await rig.add('run-1');
  await eventually(
    'three looks',
    () => candidates,
    (seen) => seen.length === 3,
    { withinMs: 15_000 },
  );
  // The first of them died; to the third, it had turned out to be another's.
  expect(candidates).toEqual(['resp_1', 'resp_1', undefined]);
});

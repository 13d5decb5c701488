/** Webhooks and the workers' steps meet on a real Redis: in any order, one look comes of them. */

import { expect, it } from 'vitest';
import { removeExpired } from '../../../src/adapters/bullmq/expiry.ts';
import type { Activation } from '../../../src/ports/run-store.ts';
import { eventually } from '../../support/eventually.ts';
import { anOutcome, creating, ended, following } from '../../support/fakes/builders.ts';
import { useRedis } from '../../support/redis.ts';
import { turns, webhookRig } from './rig.ts';

const redis = useRedis();
const hourMs = 3_600_000;

/** Creates at the first step, then waits an hour; counts what each run's webhooks wake. */
function lives(options: { readonly turns: number; readonly created?: (id: string) => void }) {
  const looks = new Map<string, number>();
  const step = async (activation: Activation) => {
    const { id } = activation.spec;
    const { wokenBy } = await activation.takeSignals();
    if (wokenBy === 'webhook') looks.set(id, (looks.get(id) ?? 0) + 1);
    if (activation.state.phase === 'accepted') {
      await activation.save(creating({ intentAtMs: Date.now() }));
      options.created?.(id);
    }
    await turns(options.turns);
    await activation.park(following({ providerRunId: `resp_${id}`, wakeAtMs: Date.now() + hourMs }));
    return { type: 'parked' } as const;
  };
  return { looks, step };
}

const parked = async (rig: ReturnType<typeof webhookRig>, count: number) =>
  await eventually(
    'all to be parked',
    () => rig.store.counts(),
    ({ jobs }) => jobs['delayed'] === count && jobs['active'] === 0 && jobs['waiting'] === 0,
  );

it('wakes a run once, whenever its webhook comes and however often', async () => {
  const rig = webhookRig(redis);
  const runs = Array.from({ length: 150 }, (_, n) => `run-${n}`);
  const sent: Promise<unknown>[] = [];
  // From the moment that the create is out: before its answer, during the step, after it, and again.
  const send = async (id: string): Promise<void> => {
    const copies = Array.from({ length: 3 }, async () => {
      await turns(12);
      return await rig.take(`resp_${id}`, `wh_${id}`);
    });
    expect((await Promise.all(copies)).filter((fate) => fate === 'woken' || fate === 'early')).toHaveLength(
      1,
    );
  };
  const { looks, step } = lives({ turns: 12, created: (id) => void sent.push(send(id)) });
  await rig.work(step);
  await rig.work(step);
  await Promise.all(runs.map((id) => rig.add(id)));
  await eventually(
    'every run to be woken',
    () => looks.size,
    (size) => size === runs.length,
  );
  await Promise.all(sent);
  await parked(rig, runs.length);
  // And what comes after that has no effect.
  for (const id of runs.slice(0, 20)) expect(await rig.take(`resp_${id}`, `wh_${id}`)).toBe('duplicate');
  await parked(rig, runs.length);
  expect([...looks.values()].every((count) => count === 1)).toBe(true);
});

it('wakes a run again for another webhook, and remembers no more than a few hundred bytes of them', async () => {
  const rig = webhookRig(redis);
  const { looks, step } = lives({ turns: 0 });
  await rig.work(step);
  await rig.add('run-1');
  await parked(rig, 1);
  for (let n = 1; n <= 100; n += 1) {
    expect(await rig.take('resp_run-1', `wh_${n}`)).toBe('woken');
    await eventually(
      `look ${n}`,
      () => looks.get('run-1'),
      (count) => count === n,
      { everyMs: 1 },
    );
  }
  await parked(rig, 1);
  expect(await redis.client.hstrlen(rig.keys.job('run-1'), 'webhooks')).toBeLessThan(600);
});

it('leaves alone what is over, unknown, or followed by looks alone', async () => {
  const rig = webhookRig(redis);
  await rig.work(async (activation) => {
    const { id } = activation.spec;
    if (id === 'run-over') {
      await activation.commit({ ...ended(), providerRunId: 'resp_over' }, anOutcome());
      return { type: 'ended', result: null };
    }
    await activation.park(following({ providerRunId: 'resp_poll', wakeAtMs: Date.now() + hourMs }));
    return { type: 'parked' };
  });
  await rig.add('run-over');
  await rig.add('run-poll', { follow: 'poll' });
  await eventually(
    'both to be done',
    () => rig.store.counts(),
    ({ jobs }) => jobs['completed'] === 1 && jobs['delayed'] === 1,
  );
  const before = await rig.allKeys();
  expect(await rig.take('resp_over', 'wh_1')).toBe('ended');
  expect(await rig.take('resp_poll', 'wh_2')).toBe('ignored');
  // No create is out: it cannot be ours, and nothing is noted.
  expect(await rig.take('resp_unknown', 'wh_3')).toBe('unknown');
  expect((await rig.allKeys()).toSorted()).toEqual(before.toSorted());
});

it('wakes a run that has gone on to another response by that one alone', async () => {
  const rig = webhookRig(redis);
  let current = 'resp_first';
  await rig.work(async (activation) => {
    await activation.takeSignals();
    await activation.park(following({ providerRunId: current, wakeAtMs: Date.now() + hourMs }));
    return { type: 'parked' };
  });
  await rig.add('run-1');
  await parked(rig, 1);
  current = 'resp_second';
  expect(await rig.take('resp_first', 'wh_1')).toBe('woken');
  await parked(rig, 1);
  await eventually(
    'the second response to be known',
    () => redis.client.get(rig.keys.provider('default', 'resp_second')),
    (id) => id === 'run:run-1',
  );
  expect(await rig.take('resp_first', 'wh_2')).toBe('ended');
  expect(await rig.take('resp_second', 'wh_3')).toBe('woken');
});

it('keeps what came early for minutes only', async () => {
  const rig = webhookRig(redis);
  await rig.work(async (activation) => {
    // Its create is out, for as long as this test lasts.
    await activation.park(creating({ intentAtMs: Date.now(), wakeAtMs: Date.now() + hourMs }));
    return { type: 'parked' };
  });
  await rig.add('run-open');
  await parked(rig, 1);
  expect(await rig.take('resp_early', 'wh_1')).toBe('early');
  expect(await rig.take('resp_early', 'wh_1')).toBe('duplicate');
  expect(await redis.client.ttl(rig.keys.provider('default', 'resp_early'))).toBeGreaterThan(60);
  expect(await redis.client.ttl(rig.keys.unclaimed('default'))).toBeGreaterThan(60);
});

it('removes a run with its id at the provider', async () => {
  const rig = webhookRig(redis);
  await rig.work(async (activation) => {
    await activation.commit({ ...ended(), providerRunId: 'resp_1' }, anOutcome());
    return { type: 'ended', result: null };
  });
  await rig.add('run-1');
  await eventually(
    'its end',
    () => rig.store.counts(),
    ({ jobs }) => jobs['completed'] === 1,
  );
  const key = rig.keys.provider('default', 'resp_1');
  expect(await redis.client.get(key)).toBe('run:run-1');
  expect(await redis.client.ttl(key)).toBeGreaterThan(3600);
  const { queue, prefix } = rig;
  const retention = { keepMs: 0, keepRuns: Infinity };
  await removeExpired({ queue, client: redis.client, prefix }, Date.now() + 1000, retention);
  expect(await redis.client.exists(key)).toBe(0);
  expect(await rig.take('resp_1', 'wh_1')).toBe('unknown');
});

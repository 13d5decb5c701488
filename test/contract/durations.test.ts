/** The durations that a fleet shares: the fake, and Redis. */

import { expect, it } from 'vitest';
import { clockFields, snapshotOf, weightField } from '../../src/adapters/redis/duration-fields.ts';
import { RedisDurationStore } from '../../src/adapters/redis/duration-store.ts';
import { redisKeys } from '../../src/adapters/redis/keys.ts';
import { DurationModel } from '../../src/domain/polling/duration-model.ts';
import { mergeIncrements } from '../../src/domain/polling/merge-increments.ts';
import { t0 } from '../support/fakes/builders.ts';
import { FakeDurationStore, ManualClock } from '../support/fakes/index.ts';
import { quiet, useRedis } from '../support/redis.ts';
import { durationStoreConformance } from './suites/duration-store.ts';

const redis = useRedis();
const maxClasses = 5;

durationStoreConformance('fake', { maxClasses }, () => {
  const clock = new ManualClock(t0);
  const store = new FakeDurationStore(clock, { maxClasses });
  return Promise.resolve({
    store,
    other: store,
    clock,
    wipe: () => {
      store.clear();
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  });
});

durationStoreConformance('Redis', { maxClasses }, () => {
  const clock = new ManualClock(t0);
  const { client } = redis;
  const otherClient = quiet(redis.url);
  const keys = redisKeys(redis.prefix());
  return Promise.resolve({
    store: new RedisDurationStore(client, keys, clock, { maxClasses }),
    other: new RedisDurationStore(otherClient, keys, clock, { maxClasses }),
    clock,
    wipe: async () => void (await client.flushall()),
    close: () => {
      otherClient.disconnect();
      return Promise.resolve();
    },
  });
});

const oneEnd = () =>
  new DurationModel().observe(['responses|m=x'], { type: 'ended', seenMs: 0, afterMs: 900, untilMs: 1000 });

it('has keys in the slot of its prefix', () => {
  const keys = redisKeys('{runfleet}');
  expect(keys.durationClasses).toBe('{runfleet}:duration-classes');
  expect(keys.durations('responses|m=gpt-5')).toBe('{runfleet}:durations:responses|m=gpt-5');
});

it('lays counts out in fields, and reads what it can of what stands there', () => {
  expect(weightField('s', 3, 264)).toBe('s:3:264');
  const fields = {
    [clockFields.s]: '65.5',
    [clockFields.f]: '1e2',
    's:1:7': '2.5',
    's:0:7': '1',
    's:2:9': '1',
    'f:1:8': '4',
    'f:1:x': '4',
    'f:1:9': 'nan',
    'f:0:9': '-1.5',
    unheard: '3',
  };
  expect(snapshotOf(fields)).toEqual({
    slow: { clock: 65.5, current: [[7, 2.5]], previous: [[7, 1]] },
    fast: { clock: 100, current: [[8, 4]], previous: [[9, -1.5]] },
  });
  expect(snapshotOf({})).toBeNull();
});

it('lets a class go that nobody adds to', async () => {
  const { client } = redis;
  const keys = redisKeys(redis.prefix());
  const clock = new ManualClock(t0);
  const store = new RedisDurationStore(client, keys, clock, { ttlSeconds: 100 });
  await store.add(oneEnd());
  const ttl = await client.ttl(keys.durations('responses|m=x'));
  expect(ttl).toBeGreaterThan(90);
  clock.advance(101_000);
  await store.add(new DurationModel().observe(['other'], { type: 'going', seenMs: 0, untilMs: 5000 }));
  await expect(store.list(10)).resolves.toMatchObject([{ classKey: 'other' }]);
});

it('removes the fields of old epochs', async () => {
  const { client } = redis;
  const keys = redisKeys(redis.prefix());
  const store = new RedisDurationStore(client, keys, new ManualClock(t0));
  const model = new DurationModel();
  for (let n = 0; n < 60; n += 1) {
    const batch = Array.from({ length: 200 }, () =>
      model.observe(['k'], { type: 'ended', seenMs: 0, afterMs: 900, untilMs: 1000 }),
    );
    await store.add(mergeIncrements(batch.flat()));
  }
  const names = await client.hkeys(keys.durations('k'));
  const epochs = new Set(names.filter((name) => name.startsWith('f:')).map((name) => name.split(':')[1]));
  // 12,000 ends at a half-life of 60 are 200 half-lives: epoch 3.
  expect(epochs).toEqual(new Set(['2', '3']));
});

/** What the fleet agrees on about its looks: the fake, and Redis. */

import { expect, it } from 'vitest';
import { RedisPacingStore } from '../../src/adapters/redis/pacing-store.ts';
import { accountKeys } from '../../src/adapters/redis/keys.ts';
import { noNews, withNews } from '../../src/domain/polling/pacing.ts';
import { t0 } from '../support/fakes/builders.ts';
import { FakePacingStore, ManualClock } from '../support/fakes/index.ts';
import { quiet, useRedis } from '../support/redis.ts';
import { pacingStoreConformance } from './suites/pacing-store.ts';

const redis = useRedis();

pacingStoreConformance('fake', () => {
  const store = new FakePacingStore(new ManualClock(t0));
  return Promise.resolve({ store, other: store, close: () => Promise.resolve() });
});

pacingStoreConformance('Redis', () => {
  const otherClient = quiet(redis.url);
  const prefix = redis.prefix();
  return Promise.resolve({
    store: new RedisPacingStore(redis.client, prefix),
    other: new RedisPacingStore(otherClient, prefix),
    close: () => {
      otherClient.disconnect();
      return Promise.resolve();
    },
  });
});

it('takes what it cannot read for nothing, writes over it, and lets it go after a day', async () => {
  const prefix = redis.prefix();
  const { pacing: key } = accountKeys(prefix, 'a');
  const store = new RedisPacingStore(redis.client, prefix);
  for (const text of ['not JSON', '{"v":2}', '{"v":1,"atMs":null}']) {
    await redis.client.set(key, text);
    await expect(store.read('a')).resolves.toBeNull();
  }
  await store.update('a', (before, nowMs) => withNews(before, noNews, nowMs));
  await expect(store.read('a')).resolves.not.toBeNull();
  const ttl = await redis.client.ttl(key);
  expect(ttl).toBeGreaterThan(86_000);
});

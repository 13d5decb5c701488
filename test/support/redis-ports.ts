/** The small ports on Redis, for the suites that they must pass and for what only they promise. */

import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { RedisEventBus } from '../../src/adapters/redis/event-bus.ts';
import { RedisIdempotencyStore } from '../../src/adapters/redis/idempotency.ts';
import { type AccountKeys, accountKeys, redisKeys } from '../../src/adapters/redis/keys.ts';
import { RedisProviderHealth } from '../../src/adapters/redis/provider-health.ts';
import { connectRedis, type RedisClient } from '../../src/adapters/redis-sdk/client.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { eventBusConformance } from '../contract/suites/event-bus.ts';
import { idempotencyConformance } from '../contract/suites/idempotency.ts';
import { eventually } from './eventually.ts';
import type { TestRedis } from './redis.ts';
import { TcpProxy } from './tcp-proxy.ts';

const ttlSeconds = 60;

export function redisPortsConformance(name: string, redis: TestRedis): void {
  eventBusConformance(name, async () => {
    const wire = await TcpProxy.to(redis.port);
    const keys = redisKeys(redis.prefix());
    const clients = [opened(redis.url), opened(redis.url), opened(wire.redisUrl)] as const;
    const publisher = new RedisEventBus(clients[0], null, keys, () => {});
    const subscriber = new RedisEventBus(clients[1], clients[2], keys, () => {});
    await subscriber.start();
    return {
      publisher,
      subscriber,
      async breakConnection() {
        await wire.cut();
        await wire.restore();
      },
      async close() {
        for (const client of clients) client.disconnect();
        await wire[Symbol.asyncDispose]();
      },
    };
  });

  describe(`EventBus: ${name}, on a slow line`, () => {
    it('tells of the gap only when it hears again: what is published in between is covered by it', async () => {
      await using wire = await TcpProxy.to(redis.port);
      const keys = redisKeys(redis.prefix());
      const clients = [opened(redis.url), opened(wire.redisUrl)] as const;
      onTestFinished(() => {
        for (const client of clients) client.disconnect();
      });
      const bus = new RedisEventBus(clients[0], clients[1], keys, () => {});
      await bus.start();
      // What a listener does in a gap is to read; it is covered when an event or a gap comes after the change.
      const heard: string[] = [];
      bus.subscribe('run-1', { onEvent: () => heard.push('event'), onGap: () => heard.push('gap') });
      await wire.cut();
      wire.lagMs = 200;
      await wire.restore();
      await eventually(
        'the gap',
        () => heard.length,
        (count) => count > 0,
      );
      await bus.publish({ runId: 'run-1', status: 'completed', atMs: 1 });
      const all = await eventually(
        'word of the change',
        () => heard,
        ({ length }) => length > 1,
        { withinMs: 5000 },
      );
      expect(all).toEqual(['gap', 'event']);
    });
  });

  idempotencyConformance(name, () => {
    const client = opened(redis.url);
    const store = new RedisIdempotencyStore(client, redisKeys(redis.prefix()), ttlSeconds);
    return Promise.resolve({ store, close: () => Promise.resolve(client.disconnect()) });
  });

  describe(`IdempotencyStore: ${name}, in Redis`, () => {
    it('keeps a key no longer than results, and names no key of a caller', async () => {
      const keys = redisKeys(redis.prefix());
      const client = redis.client;
      const store = new RedisIdempotencyStore(client, keys, ttlSeconds);
      await store.reserve({ key: 'secret-order', owner: 'ann', bodyHash: 'a'.repeat(64) }, 'run-1');
      const names = await client.keys(`${keys.idempotency('')}*`);
      expect(names).toHaveLength(1);
      expect(names.join('')).not.toMatch(/secret-order|ann/);
      expect(await client.pttl(names[0] ?? '')).toBeLessThanOrEqual(ttlSeconds * 1000);
      expect(await client.pttl(names[0] ?? '')).toBeGreaterThan(0);
    });
  });

  describe(`ProviderHealth: ${name}`, () => {
    let client: RedisClient;
    let health: RedisProviderHealth;
    let keys: AccountKeys;
    beforeEach(() => {
      client = opened(redis.url);
      keys = accountKeys(redis.prefix(), 'a1');
      health = new RedisProviderHealth(client, keys, systemClock);
    });
    afterEach(() => client.disconnect());

    it('tells every process of a refusal, and forgets it after a minute', async () => {
      await expect(health.current()).resolves.toBeNull();
      const beforeMs = systemClock.nowMs();
      await health.reportUnauthorized('The key is wrong.');
      const trouble = await new RedisProviderHealth(redis.client, keys, systemClock).current();
      expect(trouble).toMatchObject({ message: 'The key is wrong.' });
      expect(trouble?.atMs).toBeGreaterThanOrEqual(beforeMs);
      const ttl = await client.ttl(keys.trouble);
      expect(ttl).toBeGreaterThan(0);
      expect(ttl).toBeLessThanOrEqual(60);
    });

    it('fails open: a report may be lost, and a read that fails finds nothing wrong', async () => {
      client.disconnect();
      await eventually(
        'the connection to be closed',
        () => client.status,
        (status) => status === 'end',
      );
      await expect(health.reportUnauthorized('The key is wrong.')).resolves.toBeUndefined();
      await expect(health.current()).resolves.toBeNull();
    });

    it('finds nothing wrong in a note that it cannot read, as of a newer version', async () => {
      for (const note of ['not json', '{"v":2}']) {
        await client.set(keys.trouble, note);
        await expect(health.current()).resolves.toBeNull();
      }
    });
  });
}

export function opened(url: string, patience: 'patient' | 'prompt' = 'patient'): RedisClient {
  const client = connectRedis(url, patience);
  client.on('error', () => {});
  return client;
}

/** The reading of streams on the Redis of this machine. */

import { describe, expect, it, onTestFinished } from 'vitest';
import { redisKeys } from '../../src/adapters/redis/keys.ts';
import { RedisOutputFeed } from '../../src/adapters/redis/output-feed.ts';
import { RedisStreamLedger } from '../../src/adapters/redis/stream-ledger.ts';
import { over } from '../support/fakes/builders.ts';
import { opened } from '../support/redis-ports.ts';
import { useRedis } from '../support/redis.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { streamLedgerConformance } from './suites/stream-ledger.ts';

const redis = useRedis();
const keepSeconds = 60;

streamLedgerConformance('Redis', async () => {
  const wire = await TcpProxy.to(redis.port);
  const keys = redisKeys(redis.prefix());
  const clients = [opened(redis.url), opened(redis.url), opened(wire.redisUrl)] as const;
  return {
    ledger: new RedisStreamLedger(clients[0], keys, { keepSeconds }),
    feed: new RedisOutputFeed(clients[1], clients[2], keys, () => {}),
    expire: async (runId) => {
      await redis.client.pexpire(keys.stream(runId), 0);
    },
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

describe('a stream in Redis', () => {
  it('leaves nothing there that does not expire', async () => {
    const keys = redisKeys(redis.prefix());
    const client = opened(redis.url);
    onTestFinished(() => client.disconnect());
    const ledger = new RedisStreamLedger(client, keys, { keepSeconds });
    const ttls = async (): Promise<number[]> => {
      const names = await redis.client.keys(`${keys.stream('*').slice(0, -'stream:*'.length)}*`);
      return await Promise.all(names.map((name) => redis.client.pttl(name)));
    };
    await ledger.claim('run-1', 'ann');
    await ledger.setStatus('run-1', 'ann', 'in_progress');
    await ledger.append('run-1', 'ann', { end: 2, text: 'ab' }, 3);
    expect((await ttls()).toSorted((a, b) => a - b)).toEqual([
      expect.closeTo(10_000, -4),
      expect.closeTo(60_000, -4),
    ]);
    await ledger.finish('run-1', 'ann', { snapshot: over(), lastSeenAtMs: 0 });
    expect((await ttls()).every((ms) => ms > 0)).toBe(true);
    await ledger.forget('run-1');
    // The output, and the claim of nobody.
    expect((await ttls()).toSorted((a, b) => a - b)).toEqual([
      expect.closeTo(60_000, -4),
      expect.closeTo(600_000, -4),
    ]);
  });
});

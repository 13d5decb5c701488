/** The pause of a 429: the part of the rate gate that needs no quota. */

import { describe, expect, it, onTestFinished } from 'vitest';
import { accountKeys } from '../../src/adapters/redis/keys.ts';
import { RedisPauseGate } from '../../src/adapters/redis/pause-gate.ts';
import { callClasses } from '../../src/domain/limiter/classes.ts';
import type { RateGate } from '../../src/ports/rate-gate.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { eventually } from './eventually.ts';
import { opened } from './redis-ports.ts';
import type { TestRedis } from './redis.ts';
import { TcpProxy } from './tcp-proxy.ts';

const minuteMs = 60_000;

async function gateOf(url: string, prefix: string, subscriberUrl = url): Promise<RateGate> {
  const clients = [opened(url), opened(subscriberUrl)] as const;
  onTestFinished(() => {
    for (const client of clients) client.disconnect();
  });
  const gate = new RedisPauseGate(clients[0], clients[1], accountKeys(prefix, 'a1'), systemClock);
  await gate.start();
  return gate;
}

async function pauseOf(gate: RateGate): Promise<number> {
  return await eventually(
    'a pause',
    async () => {
      const permit = await gate.acquire({ callClass: 'look', ticket: null });
      return permit.granted ? 0 : permit.atMs;
    },
    (atMs) => atMs > 0,
    { everyMs: 2 },
  );
}

export function pauseGateConformance(name: string, redis: TestRedis): void {
  describe(`the pause of RateGate: ${name}`, () => {
    it('lets calls of every class through while there is none', async () => {
      const one = await gateOf(redis.url, redis.prefix());
      for (const callClass of callClasses)
        await expect(one.acquire({ callClass, ticket: null })).resolves.toMatchObject({ granted: true });
    });

    it('stops every class at once where the 429 came, and in every other process', async () => {
      const prefix = redis.prefix();
      const [here, there] = [await gateOf(redis.url, prefix), await gateOf(redis.url, prefix)];
      const untilMs = systemClock.nowMs() + minuteMs;
      await here.pauseUntil(untilMs);
      for (const callClass of callClasses)
        await expect(here.acquire({ callClass, ticket: null })).resolves.toMatchObject({
          granted: false,
          atMs: untilMs,
          reason: 'paused',
        });
      await expect(pauseOf(there)).resolves.toBe(untilMs);
    });

    it('stands by the latest end', async () => {
      const prefix = redis.prefix();
      const [here, there] = [await gateOf(redis.url, prefix), await gateOf(redis.url, prefix)];
      const untilMs = systemClock.nowMs() + minuteMs;
      await here.pauseUntil(untilMs);
      await pauseOf(there);
      await there.pauseUntil(untilMs - 30_000);
      await there.pauseUntil(0);
      await expect(pauseOf(here)).resolves.toBe(untilMs);
      await expect(pauseOf(there)).resolves.toBe(untilMs);
      await expect(pauseOf(await gateOf(redis.url, prefix))).resolves.toBe(untilMs);
    });

    it('is known to a process that starts later, and gone from Redis when it is over', async () => {
      const prefix = redis.prefix();
      const here = await gateOf(redis.url, prefix);
      const untilMs = systemClock.nowMs() + 1500;
      await here.pauseUntil(untilMs);
      await expect(pauseOf(await gateOf(redis.url, prefix))).resolves.toBe(untilMs);
      const late = await eventually(
        'the end of the pause',
        () => here.acquire({ callClass: 'look', ticket: null }),
        (permit) => permit.granted,
      );
      expect(late).toMatchObject({ granted: true });
      expect(systemClock.nowMs()).toBeGreaterThanOrEqual(untilMs);
      const client = redis.client;
      await eventually(
        'its key to be gone',
        () => client.exists(accountKeys(prefix, 'a1').pause),
        (left) => left === 0,
      );
    });

    it('is known to a process that was cut off when it was told', async () => {
      await using wire = await TcpProxy.to(redis.port);
      const prefix = redis.prefix();
      const [here, there] = [await gateOf(redis.url, prefix), await gateOf(redis.url, prefix, wire.redisUrl)];
      await wire.cut();
      const untilMs = systemClock.nowMs() + minuteMs;
      await here.pauseUntil(untilMs);
      await wire.restore();
      await expect(
        eventually(
          'the pause',
          () => there.acquire({ callClass: 'look', ticket: null }),
          (permit) => !permit.granted,
          { withinMs: 8000 },
        ),
      ).resolves.toMatchObject({ atMs: untilMs });
    });
  });
}

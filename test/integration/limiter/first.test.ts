/** A look that a webhook asked for goes before the looks that wait, and the window holds all the same. */

import { expect, onTestFinished, test } from 'vitest';
import { createRedisLimiter } from '../../../src/adapters/redis-limiter/limiter.ts';
import type { Permit } from '../../../src/ports/rate-gate.ts';
import { RedisServer } from './redis-server.ts';

const dueMs = (permit: Permit): number => (permit.granted ? Date.now() : permit.atMs);

test('goes first among looks, before its place in the queue as well', async () => {
  const redis = await RedisServer.start();
  const [client, subscriber] = [redis.client(), redis.client()];
  const gate = createRedisLimiter({
    client,
    subscriber,
    account: { baseUrl: 'http://provider', credential: 'key' },
    settings: { windowMs: 4000, jitterMs: 80, bookMs: 250, contactMs: 2000, requests: 400 },
    clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
  });
  onTestFinished(async () => {
    await gate.close();
    client.disconnect();
    subscriber.disconnect();
    await redis[Symbol.asyncDispose]();
  });
  const look = { callClass: 'look', ticket: null } as const;
  // Six seconds' worth at this quota.
  const crowd = await Promise.all(Array.from({ length: 600 }, () => gate.acquire(look)));
  expect(crowd.filter(({ granted }) => !granted).length).toBeGreaterThan(400);

  const ordinary = await gate.acquire(look);
  const told = await gate.acquire({ ...look, first: true });
  expect(dueMs(told)).toBeLessThan(dueMs(ordinary) - 2000);

  // The ordinary one is told of while it waits, and takes its ticket along.
  const ticket = ordinary.granted ? null : ordinary.ticket;
  const hurried = await gate.acquire({ ...look, ticket, first: true });
  expect(dueMs(hurried)).toBeLessThan(dueMs(ordinary) - 2000);
});

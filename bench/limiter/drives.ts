/** The four limiters, each used as its documentation says for a fleet that shares one Redis. */

import { setTimeout as sleep } from 'node:timers/promises';

import Bottleneck from 'bottleneck';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

import { createRedisLimiter } from '../../src/adapters/redis-limiter/limiter.ts';
import type { Drive, Load, Scheme } from './load.ts';

export const bullQueue = 'calls';

export const drives: Readonly<Record<Scheme, Drive>> = {
  async runfleet(load, call) {
    const [client, subscriber] = [connect(load), connect(load)];
    const limiter = createRedisLimiter({
      client,
      subscriber,
      account: { baseUrl: 'http://bench', credential: 'bench' },
      settings: {
        requests: load.limit,
        windowMs: load.windowMs,
        jitterMs: load.windowMs / 100,
        bookMs: load.windowMs / 16,
        contactMs: load.windowMs / 16,
      },
    });
    await eachCaller(load, async () => {
      let ticket: string | null = null;
      for (;;) {
        const permit = await limiter.acquire({ callClass: 'look', ticket });
        if (permit.granted) return call();
        if (permit.atMs > load.endAtMs) return sleep(untilEnd(load));
        ticket = permit.ticket;
        await sleep(Math.max(1, permit.atMs - Date.now()));
      }
    });
    await limiter.close();
    client.disconnect();
    subscriber.disconnect();
  },

  async bullmq(load, call) {
    const worker = new Worker(bullQueue, () => call(), {
      connection: { port: load.redisPort, host: '127.0.0.1' },
      concurrency: load.callers,
      limiter: { max: load.limit, duration: load.windowMs },
    });
    await sleep(untilEnd(load));
    await worker.close(true);
  },

  async 'rate-limiter-flexible'(load, call) {
    const client = connect(load);
    const limiter = new RateLimiterRedis({
      storeClient: client,
      points: load.limit,
      duration: load.windowMs / 1000,
    });
    await eachCaller(load, async () => {
      for (;;) {
        try {
          await limiter.consume('account');
          return await call();
        } catch (refused) {
          if (!(refused instanceof RateLimiterRes)) throw refused;
          await sleep(Math.max(1, Math.min(refused.msBeforeNext, untilEnd(load))));
          if (untilEnd(load) <= 1) return;
        }
      }
    });
    client.disconnect();
  },

  async bottleneck(load, call) {
    const client = connect(load);
    const connection = new Bottleneck.IORedisConnection({ client });
    const limiter = new Bottleneck({
      id: 'account',
      connection,
      reservoir: load.limit,
      reservoirRefreshAmount: load.limit,
      reservoirRefreshInterval: load.windowMs,
    });
    await limiter.ready();
    await eachCaller(load, () => Promise.race([limiter.schedule(call), sleep(untilEnd(load))]));
    client.disconnect();
  },
};

function connect(load: Load): Redis {
  const client = new Redis({ port: load.redisPort, host: '127.0.0.1' });
  // The benchmark is over when its connections are cut.
  client.on('error', () => {});
  return client;
}

function untilEnd(load: Load): number {
  return Math.max(1, load.endAtMs - Date.now());
}

/** The first caller of the first process opens the window with one call; all others come with the crowd. */
async function eachCaller(load: Load, once: () => Promise<unknown>): Promise<void> {
  await Promise.all(
    Array.from({ length: load.callers }, async (_, at) => {
      if (load.process === 0 && at === 0) {
        await sleep(Math.max(1, load.firstAtMs - Date.now()));
        await once();
      }
      await sleep(Math.max(1, load.crowdAtMs - Date.now()));
      while (Date.now() < load.endAtMs) await once();
    }),
  );
}

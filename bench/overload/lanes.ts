/** Very many lanes: what one costs in Redis, and what going one at a time costs in time. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { FleetProcesses } from '../fleet/processes.ts';
import { withRedis } from '../limiter/redis.ts';
import { fill, runOf } from './load.ts';
import { redisMb } from './redis-memory.ts';
import { StubProvider } from './stub.ts';

export interface LanesOptions {
  /** 0: the same runs without lanes. */
  readonly lanes: number;
  readonly runs: number;
  readonly workers: number;
}

const runMs = 500;

export async function lanes({ lanes: count, runs, workers }: LanesOptions): Promise<Record<string, number>> {
  return await withRedis(async (port) => {
    await using stub = await StubProvider.start(runMs);
    const env = {
      REDIS_URL: `redis://127.0.0.1:${port}`,
      OPENAI_API_KEY: 'sk-bench',
      OPENAI_BASE_URL: stub.baseUrl,
      RUNFLEET_RPM: '0',
    };
    await using api = await FleetProcesses.start(['api'], env);
    const redis = new Redis({ port, host: '127.0.0.1' });
    try {
      const emptyMb = await redisMb(redis);
      await fill(api.apiUrl, runs, (at) => (count === 0 ? runOf() : runOf({ lane: `lane-${at % count}` })));
      const waitingMb = await redisMb(redis);
      const startMs = performance.now();
      await using workersOf = await FleetProcesses.start(Array<'runs'>(workers).fill('runs'), env);
      while (stub.ended < runs) await sleep(100);
      const seconds = (performance.now() - startMs) / 1000;
      const peakMb = Math.max(...Object.values(await workersOf.residentMb()));
      // The last ones have ended at the provider, and are being written.
      for (let turn = 0; turn < 50 && (await laneKeys(redis)) > 0; turn += 1) await sleep(100);
      return {
        'Redis, kB a waiting run': ((waitingMb - emptyMb) * 1024) / runs,
        'seconds for all': seconds,
        'looks a run': stub.looks / runs,
        'a worker at the end, MB': peakMb,
        'lane keys left': await laneKeys(redis),
      };
    } finally {
      redis.disconnect();
    }
  });
}

async function laneKeys(redis: Redis): Promise<number> {
  return (await redis.keys('*:lane:*')).length;
}

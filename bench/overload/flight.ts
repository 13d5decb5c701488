/** Very many runs in flight at once: what they take of Redis and of each process, and how quick the API is meanwhile. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { FleetProcesses } from '../fleet/processes.ts';
import { withRedis } from '../limiter/redis.ts';
import { fill, runOf } from './load.ts';
import { Probe } from './probe.ts';
import { redisMb } from './redis-memory.ts';
import { StubProvider } from './stub.ts';

export interface FlightOptions {
  readonly runs: number;
  readonly workers: number;
  /** How long all of them are held in flight and measured. */
  readonly holdSeconds: number;
}

/** Longer than the benchmark. */
const runMs = 6 * 3_600_000;

export async function flight({ runs, workers, holdSeconds }: FlightOptions): Promise<Record<string, number>> {
  return await withRedis(async (port) => {
    await using stub = await StubProvider.start(runMs);
    await using fleet = await FleetProcesses.start(['api', ...Array<'runs'>(workers).fill('runs')], {
      REDIS_URL: `redis://127.0.0.1:${port}`,
      OPENAI_API_KEY: 'sk-bench',
      OPENAI_BASE_URL: stub.baseUrl,
      RUNFLEET_RPM: '0',
    });
    const redis = new Redis({ port, host: '127.0.0.1' });
    try {
      const emptyMb = await redisMb(redis);
      const peakMb: Record<string, number> = {};
      const note = async (): Promise<void> => {
        for (const [name, mb] of Object.entries(await fleet.residentMb()))
          peakMb[name] = Math.max(mb, peakMb[name] ?? 0);
      };
      const accepted = await fill(fleet.apiUrl, runs, () => runOf());
      await note();
      const acceptedMb = await redisMb(redis);
      const filling = new Probe(fleet.apiUrl, accepted.ids[0] ?? '');
      const startMs = performance.now();
      const createdBefore = stub.created;
      while (stub.created < runs) {
        await sleep(500);
        await note();
      }
      const createSeconds = (performance.now() - startMs) / 1000;
      const whileFilling = await filling.stop();
      const holding = new Probe(fleet.apiUrl, accepted.ids[0] ?? '');
      const looksBefore = stub.looks;
      const heldFromMs = performance.now();
      while (performance.now() - heldFromMs < holdSeconds * 1000) {
        await sleep(500);
        await note();
      }
      const looks = (stub.looks - looksBefore) / holdSeconds;
      const whileHeld = await holding.stop();
      const heldMb = await redisMb(redis);
      return {
        'runs in flight': stub.created,
        'accepted a second, in bulk': runs / accepted.seconds,
        'created a second': (runs - createdBefore) / createSeconds,
        'looks a second while held': looks,
        'Redis, all accepted, MB': acceptedMb,
        'Redis, all in flight, MB': heldMb,
        'Redis, kB a run': ((heldMb - emptyMb) * 1024) / stub.created,
        ...Object.fromEntries(Object.entries(peakMb).map(([name, mb]) => [`peak of ${name}, MB`, mb])),
        ...prefixed('while runs are created: ', whileFilling),
        ...prefixed('while held: ', whileHeld),
      };
    } finally {
      redis.disconnect();
    }
  });
}

function prefixed(prefix: string, figures: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, figure]) => [prefix + name, figure]));
}

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { startSimulator } from '../../src/simulator/index.ts';
import { FleetProcesses } from '../fleet/processes.ts';
import { withRedis } from '../limiter/redis.ts';
import { redisMbWithoutEvents } from '../overload/redis-memory.ts';
import { growth, keySorts } from './keys.ts';
import { load, open } from './load.ts';
import { Watch } from './watch.ts';

export interface SoakOptions {
  readonly runs: number;
  /** Before anything is counted: what is made once for each sort of run is no growth. */
  readonly warmUpRuns: number;
  readonly inFlight: number;
  readonly keepSeconds: number;
}

export interface SoakReport {
  readonly figures: Record<string, number>;
  /** Ten times while the load went on. */
  readonly keysOverTime: readonly number[];
  /** Sorts of keys of which there are more than before; empty is right. */
  readonly left: ReadonlyMap<string, number>;
}

/** What expires by itself, such as a webhook for an unknown id, is gone by then. */
const settleMs = 240_000;
const secret = `whsec_${Buffer.from('the secret of the soak, 32 bytes').toString('base64')}`;

export async function soak({ runs, warmUpRuns, inFlight, keepSeconds }: SoakOptions): Promise<SoakReport> {
  return await withRedis(async (port) => {
    const simulator = await startSimulator({ forgetEndedAfterSeconds: 30 });
    const receiver = await startReceiver();
    await using fleet = await FleetProcesses.start(['api', 'runs', 'runs', 'tools', 'callbacks'], {
      REDIS_URL: `redis://127.0.0.1:${port}`,
      OPENAI_API_KEY: 'sk-soak',
      OPENAI_BASE_URL: simulator.baseUrl,
      OPENAI_WEBHOOK_SECRET: secret,
      RUNFLEET_KEEP_RESULTS_SECONDS: String(keepSeconds),
      RUNFLEET_CALLBACK_SECRET: secret,
      RUNFLEET_CALLBACK_ALLOW: '127.0.0.1',
      RUNFLEET_TOOLS_MODULE: fileURLToPath(new URL('tools.ts', import.meta.url)),
    });
    simulator.configure({ webhooks: { url: `${fleet.apiUrl}/v1/webhooks/openai`, secret } });
    const redis = new Redis({ port, host: '127.0.0.1' });
    const options = { apiUrl: fleet.apiUrl, redis, callbackUrl: receiver.url, inFlight };
    try {
      await load(options, 0, warmUpRuns);
      await settled(redis, new Map());
      const before = await keySorts(redis);
      const beforeMb = await redisMbWithoutEvents(redis);
      const watch = new Watch(fleet, redis);
      const startMs = performance.now();
      await load(options, warmUpRuns, runs);
      const seconds = (performance.now() - startMs) / 1000;
      watch.stop();
      const left = await settled(redis, before);
      const afterMb = await redisMbWithoutEvents(redis);
      return {
        figures: {
          runs,
          'runs a second': runs / seconds,
          'callbacks received': receiver.received(),
          'Redis, MB after / before': afterMb / beforeMb,
          ...watch.ratios(),
        },
        keysOverTime: watch.course('keys'),
        left,
      };
    } finally {
      redis.disconnect();
      receiver.server.closeAllConnections();
      receiver.server.close();
      await simulator.close();
    }
  });
}

/** Waits until nothing is to be done, and no more keys are there than `before`, or for so long that it is too late. */
async function settled(redis: Redis, before: ReadonlyMap<string, number>): Promise<Map<string, number>> {
  const untilMs = performance.now() + settleMs;
  for (let last = ''; ; await sleep(1000)) {
    const sortsNow = await keySorts(redis);
    const left = growth(before, sortsNow);
    const isQuiet = (await open(redis)) === 0;
    // Without a measure, what stays the same for a while will stay.
    const text = [...sortsNow]
      .map((entry) => entry.join(' '))
      .toSorted()
      .join();
    if (isQuiet && (before.size === 0 ? text === last && !hasRuns(sortsNow) : left.size === 0)) return left;
    if (performance.now() > untilMs) return left;
    last = text;
  }
}

const hasRuns = (found: ReadonlyMap<string, number>): boolean =>
  [...found.keys()].some((sort) => sort.includes('*'));

interface SoakReceiver {
  readonly server: Server;
  readonly url: string;
  received(): number;
}

async function startReceiver(): Promise<SoakReceiver> {
  let received = 0;
  const server = createServer((request, response) => {
    received += 1;
    request.resume();
    response.writeHead(204).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return { server, url: `http://127.0.0.1:${port}/`, received: () => received };
}

/**
 * Whole workers at a small quota: four `runs` processes, thousands of runs, one worker killed on the way, and a server
 * of our own that keeps the time of every arrival.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Queue } from 'bullmq';

import { type Arrival, ArrivalServer } from '../../test/support/arrival-server.ts';
import { jain, worstWindow } from '../../test/support/arrivals.ts';
import { RedisMonitor } from '../../test/support/redis-monitor.ts';
import { withRedis } from './redis.ts';
import { BenchResponses } from './responses.ts';

export interface FleetLoad {
  /** Calls a minute. */
  readonly limit: number;
  readonly processes: number;
  readonly runs: number;
  /** How long the saturated fleet is watched; a third of it before the kill. */
  readonly watchMs: number;
}

export interface FleetFigures {
  readonly limit: number;
  readonly runs: number;
  readonly watchedSeconds: number;
  readonly arrivals: number;
  readonly runsEnded: number;
  /** The most arrivals in any 60 s, from the first call on. */
  readonly worstWindow: number;
  readonly throttled: number;
  /** Of what the limit allows in the time watched, the kill included. */
  readonly usePercent: number;
  readonly tripsPerPermit: number;
  /** Calls of each worker before the kill, and of the survivors after it. */
  readonly shares: readonly [before: readonly number[], after: readonly number[]];
  /** Between the workers: the lesser of the two. */
  readonly jain: number;
}

const windowMs = 60_000;
const latencyMs = 20;
const script = fileURLToPath(new URL('../../workers/runs.ts', import.meta.url));
/** Two mean lives of the longest runs: by then creates and looks are mixed. */
const strideMs = 20_000;

export async function fleet(load: FleetLoad): Promise<FleetFigures> {
  return await withRedis(async (redisPort) => {
    const responses = new BenchResponses([2000, 60_000]);
    const answer = responses.answer.bind(responses);
    await using server = await ArrivalServer.start({ limit: load.limit, windowMs, latencyMs, answer });
    await addRuns(redisPort, load.runs);
    const workers = Array.from({ length: load.processes }, (_, at) =>
      startWorker(`w${at}`, redisPort, `${server.url}/v1`, load.limit),
    );
    try {
      const figures = await watch(load, server, workers, redisPort);
      if (responses.ended >= load.runs)
        throw new Error(`Nothing was left to do: ${load.runs} runs are too few.`);
      return { ...figures, runsEnded: responses.ended };
    } finally {
      for (const worker of workers) worker.kill('SIGKILL');
    }
  });
}

async function watch(
  load: FleetLoad,
  server: ArrivalServer,
  workers: readonly ChildProcess[],
  redisPort: number,
): Promise<Omit<FleetFigures, 'runsEnded'>> {
  const { arrivals } = server;
  while (new Set(arrivals.map(({ worker }) => worker)).size < load.processes) await sleep(100);
  await sleep(strideMs);
  const fromMs = performance.now();
  let trips = 0;
  using _monitor = await RedisMonitor.open(redisPort, (line) => {
    if (limiterCall.test(line)) trips += 1;
  });
  await sleep(load.watchMs / 3);
  workers[0]?.kill('SIGKILL');
  const killedMs = performance.now();
  await sleep((load.watchMs * 2) / 3);
  const toMs = performance.now();
  const during = between(arrivals, fromMs, toMs);
  const shares = [
    sharesOf(between(arrivals, fromMs, killedMs)),
    sharesOf(between(arrivals, killedMs + 1000, toMs)),
  ] as const;
  const times = arrivals.map(({ atMs }) => atMs);
  return {
    limit: load.limit,
    runs: load.runs,
    watchedSeconds: Math.round((toMs - fromMs) / 1000),
    arrivals: during.length,
    worstWindow: worstWindow(times, windowMs),
    throttled: server.throttled,
    usePercent: (during.length / ((load.limit * (toMs - fromMs)) / windowMs)) * 100,
    tripsPerPermit: trips / during.length,
    shares,
    jain: Math.min(...shares.map(jain)),
  };
}

function between(arrivals: readonly Arrival[], fromMs: number, toMs: number): Arrival[] {
  return arrivals.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
}

function sharesOf(arrivals: readonly Arrival[]): number[] {
  const counts = new Map<string, number>();
  for (const { worker } of arrivals) counts.set(worker, (counts.get(worker) ?? 0) + 1);
  return [...counts.values()];
}

/** A script that is called with the limiter's keys. */
/** A script that is called with the keys of the limiter. */
const limiterCall = /"evalsha" "[0-9a-f]+" "\d+" "\{runfleet\}:limiter:/i;

async function addRuns(redisPort: number, count: number): Promise<void> {
  const queue = new Queue('runs', {
    connection: { port: redisPort, host: '127.0.0.1' },
    prefix: '{runfleet}',
  });
  const data = { kind: 'responses', request: { model: 'gpt-bench', input: 'Hello' } };
  await queue.addBulk(Array.from({ length: count }, () => ({ name: 'run', data })));
  await queue.close();
}

function startWorker(name: string, redisPort: number, baseUrl: string, limit: number): ChildProcess {
  return spawn(process.execPath, [script], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      OPENAI_API_KEY: 'bench-key',
      OPENAI_BASE_URL: baseUrl,
      // The server knows the workers apart by it.
      OPENAI_PROJECT_ID: name,
      RUNFLEET_RPM: String(limit),
      RUNFLEET_METRICS_PORT: '0',
      RUNFLEET_DEADLINE_SECONDS: '86400',
      RUNFLEET_LOG_LEVEL: 'error',
    },
  });
}

/**
 * One worker process of a fleet: it takes due runs from a queue in Redis (a sorted set), asks for a permit, makes the
 * call or parks the run until the time it was told, with its ticket. So a killed worker loses only what it had in hand.
 * Usage: `node load-worker.ts '{"name": …}'`. Ends on SIGTERM after giving back; prints its counts.
 */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { Redis } from 'ioredis';

import { createRedisLimiter } from '../../../src/adapters/redis-limiter/limiter.ts';
import { type CallClass, callClasses } from '../../../src/domain/limiter/classes.ts';
import type { LimiterSettings } from '../../../src/domain/limiter/terms.ts';
import { queueKey } from './load-queue.ts';

export interface LoadOptions {
  readonly name: string;
  readonly redisPort: number;
  readonly url: string;
  readonly settings: Partial<LimiterSettings>;
  /** How far this machine's wall clock is off. */
  readonly skewMs: number;
  /** Runs in hand at a time. */
  readonly concurrency: number;
  /** The queue is looked at so often: jobs wake up to so much late. */
  readonly tickMs: number;
}

export interface LoadReport {
  readonly permits: number;
  readonly refusals: number;
  readonly throttled: number;
  /** From the first ask to the permit. */
  readonly waitedMs: Readonly<Record<string, number[]>>;
}

const options: LoadOptions = JSON.parse(process.argv[2] ?? '');
const client = new Redis({ port: options.redisPort, host: '127.0.0.1' });
const queue = client.duplicate();
const subscriber = client.duplicate();
const clock = {
  nowMs: () => Date.now() + options.skewMs,
  monotonicMs: () => performance.now(),
};
const limiter = createRedisLimiter({
  client,
  subscriber,
  account: { baseUrl: options.url, credential: 'test' },
  settings: options.settings,
  clock,
});
const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const counts = { permits: 0, refusals: 0, throttled: 0, waitedMs: {} as Record<string, number[]> };
let active = 0;
const stopping = new AbortController();

async function step(callClass: CallClass, id: string, ticket: string | null): Promise<void> {
  const permit = await limiter.acquire({ callClass, ticket });
  if (!permit.granted) {
    counts.refusals++;
    const dueMs = Date.now() + (permit.atMs - clock.nowMs());
    await queue.zadd(queueKey, dueMs, `${callClass} ${id} ${permit.ticket ?? ''}`);
    return;
  }
  counts.permits++;
  (counts.waitedMs[callClass] ??= []).push(Math.round(permit.waitedMs));
  const status = await call(callClass);
  if (status === 429) counts.throttled++;
  await queue.zadd(queueKey, Date.now(), `${callClass} ${id} `);
}

function call(callClass: CallClass): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'openai-project': options.name };
    request(`${options.url}/${callClass}`, { agent, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    })
      .on('error', reject)
      .end();
  });
}

async function work(): Promise<void> {
  while (!stopping.signal.aborted) {
    const room = options.concurrency - active;
    const due = room > 0 ? await queue.zrangebyscore(queueKey, 0, Date.now(), 'LIMIT', 0, room) : [];
    await Promise.all(due.map((member) => take(member)));
    await sleep(options.tickMs * Math.random());
  }
}

async function take(member: string): Promise<void> {
  // Whoever removes it has it.
  if ((await queue.zrem(queueKey, member)) === 0) return;
  const [callClass = 'look', id = '', ticket = ''] = member.split(' ');
  active++;
  void step(
    callClasses.find((name) => name === callClass) ?? 'look',
    id,
    ticket === '' ? null : ticket,
  ).finally(() => active--);
}

process.on('SIGTERM', () => {
  stopping.abort();
  void end();
});

async function end(): Promise<void> {
  await limiter.close();
  process.stdout.write(`${JSON.stringify(counts)}\n`, () => process.exit(0));
}

void work();

/** Sends the mixture, never more than a bound in flight, and waits until nothing is left to do. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { RunfleetClient, type RunInput } from '../../src/client/index.ts';
import { cancelled, inputOf, keyed, sorts } from './inputs.ts';

export interface LoadOptions {
  readonly apiUrl: string;
  readonly redis: Redis;
  readonly callbackUrl: string;
  /** Runs in flight at most, about. */
  readonly inFlight: number;
}

const pauseMs = 50;
const openQueues = ['runs', 'tools', 'callbacks'].flatMap((queue) =>
  ['wait', 'active', 'delayed', 'prioritized'].map((state) => ({ queue, state })),
);

/** `from`: the number of the first; so each has another idempotency key. */
export async function load(options: LoadOptions, from: number, count: number): Promise<void> {
  const client = new RunfleetClient({ baseUrl: options.apiUrl });
  for (let at = from; at < from + count; at += sorts) {
    while ((await open(options.redis)) > options.inFlight) await sleep(pauseMs);
    const round = Array.from({ length: sorts }, (_, sort) => inputOf(at + sort, options.callbackUrl));
    await client.runs.createMany(round.filter((_, sort) => sort !== keyed && sort !== cancelled));
    await twice(client, round[keyed], `soak-${at}`);
    const { id } = await client.runs.create(round[cancelled] ?? { request: {} });
    await client.runs.cancel(id);
  }
}

/** The second time is the first run again, or its bench stops. */
async function twice(client: RunfleetClient, input: RunInput | undefined, key: string): Promise<void> {
  if (input === undefined) return;
  const first = await client.runs.create(input, { idempotencyKey: key });
  const second = await client.runs.create(input, { idempotencyKey: key });
  if (first.id !== second.id) throw new Error(`The key ${key} stands for two runs.`);
}

/** Jobs that are not over, of all queues. */
export async function open(redis: Redis): Promise<number> {
  const sizes = await Promise.all(
    openQueues.map(({ queue, state }) => {
      const key = `{runfleet}:${queue}:${state}`;
      return state === 'wait' || state === 'active' ? redis.llen(key) : redis.zcard(key);
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

import { Queue } from 'bullmq';
import type { Logger } from 'pino';
import { runsQueue } from '../adapters/bullmq/keys.ts';
import { BullmqRunStore } from '../adapters/bullmq/run-store.ts';
import { connectRedis, type Patience, type RedisClient } from '../adapters/redis-sdk/client.ts';
import type { Config } from '../config/index.ts';
import type { KeyRing } from '../http/auth/key-ring.ts';
import type { Closers } from './closers.ts';

/** What is kept of the configuration: of the API keys, digests alone. */
export type KeptConfig = Omit<Config, 'apiKeys'>;

/** What every process is given. */
export interface ConnectionContext {
  readonly config: KeptConfig;
  readonly keys: KeyRing;
  readonly redisUrl: string;
  /** Redis may stand still for seconds (the embedded one). */
  readonly slowRedis: boolean;
  readonly logger: Logger;
  /** Takes everything that is opened, in the order in which it was. */
  readonly closers: Closers;
}

/** What of a worker's options goes for a Redis that stands still now and then. */
export function lockOptions({ slowRedis }: ConnectionContext): { readonly lockDurationMs?: number } {
  return slowRedis ? { lockDurationMs: slowLockDurationMs } : {};
}

const slowLockDurationMs = 60_000;

/** A connection that is closed with the process. */
export function open(context: ConnectionContext, patience: Patience, name: string): RedisClient {
  const client = connectRedis(context.redisUrl, patience);
  // Each account's gate listens for its own pauses.
  client.setMaxListeners(0);
  // Without a listener, a lost connection would end the process; the client reconnects by itself.
  client.on('error', (error) => context.logger.warn({ err: error, connection: name }, 'Redis connection'));
  context.closers.add(name, async () => client.disconnect());
  return client;
}

export function openStore(
  context: ConnectionContext,
  client: RedisClient,
): { queue: Queue; store: BullmqRunStore } {
  const { config, closers, logger } = context;
  const queue = new Queue(runsQueue, { connection: client, prefix: config.prefix });
  queue.on('error', (error) => logger.warn({ err: error }, 'queue "runs"'));
  closers.add('queue', () => queue.close());
  const store = new BullmqRunStore({
    queue,
    client,
    prefix: config.prefix,
    defaultDeadlineSeconds: config.deadlineSeconds,
  });
  return { queue, store };
}

/** A fleet within this process: API and workers of `src/runtime`, the simulator, and a store to look behind them. */

import { Queue } from 'bullmq';
import { onTestFinished } from 'vitest';
import { runsQueue } from '../../src/adapters/bullmq/keys.ts';
import { BullmqRunStore } from '../../src/adapters/bullmq/run-store.ts';
import { connectRedis, type RedisClient } from '../../src/adapters/redis-sdk/client.ts';
import { RunfleetClient } from '../../src/client/index.ts';
import { type RunningProcess, start } from '../../src/runtime/index.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/index.ts';
import type { Env } from './processes.ts';
import type { TestRedis } from './redis.ts';

export interface LocalFleetOptions {
  readonly redis: Pick<TestRedis, 'url' | 'prefix'>;
  readonly workers?: number;
  readonly simulator?: SimulatorOptions;
  readonly env?: Env;
  readonly baseUrl?: (simulator: Simulator) => string;
}

export class LocalFleet {
  readonly prefix: string;
  readonly simulator: Simulator;
  readonly client: RunfleetClient;
  readonly apiUrl: string;
  private readonly env: Env;
  private readonly redisUrl: string;
  readonly workers: RunningProcess[] = [];

  private constructor(simulator: Simulator, env: Env, redisUrl: string, apiUrl: string) {
    this.simulator = simulator;
    this.env = env;
    this.redisUrl = redisUrl;
    this.prefix = env['RUNFLEET_PREFIX'] ?? '';
    this.apiUrl = apiUrl;
    this.client = new RunfleetClient({ baseUrl: apiUrl });
  }

  /** Closed when the test is finished. */
  static async start(options: LocalFleetOptions): Promise<LocalFleet> {
    const simulator = await startSimulator({
      queueDurations: { type: 'fixed', ms: 0 },
      ...options.simulator,
    });
    onTestFinished(() => simulator.close());
    const env = {
      REDIS_URL: options.redis.url,
      RUNFLEET_PREFIX: options.redis.prefix(),
      OPENAI_API_KEY: 'sk-local',
      OPENAI_BASE_URL: options.baseUrl?.(simulator) ?? simulator.baseUrl,
      RUNFLEET_PORT: '0',
      RUNFLEET_LOG_LEVEL: 'silent',
      RUNFLEET_POLL_POLICY: 'backoff',
      RUNFLEET_BACKOFF_INITIAL_MS: '100',
      RUNFLEET_BACKOFF_MAX_MS: '1000',
      ...options.env,
    };
    const api = await start('api', { env, print: () => {} });
    onTestFinished(() => api.stop());
    const fleet = new LocalFleet(simulator, env, options.redis.url, api.urls.api ?? '');
    for (let n = 0; n < (options.workers ?? 1); n += 1) await fleet.addWorker();
    return fleet;
  }

  async addWorker(): Promise<RunningProcess> {
    const worker = await start('runs', { env: this.env, print: () => {} });
    onTestFinished(() => worker.stop());
    this.workers.push(worker);
    return worker;
  }

  /** What any BullMQ client holds of the fleet. */
  queue(): Queue {
    const client = this.connect();
    const queue = new Queue(runsQueue, { connection: client, prefix: this.prefix });
    queue.on('error', () => {});
    onTestFinished(() => queue.close());
    return queue;
  }

  store(): BullmqRunStore {
    const client = this.connect();
    const queue = new Queue(runsQueue, { connection: client, prefix: this.prefix });
    queue.on('error', () => {});
    onTestFinished(() => queue.close());
    return new BullmqRunStore({ queue, client, prefix: this.prefix, defaultDeadlineSeconds: 600 });
  }

  private connect(): RedisClient {
    const client = connectRedis(this.redisUrl, 'patient');
    client.on('error', () => {});
    onTestFinished(() => client.disconnect());
    return client;
  }

  calls(operation: 'responses.create' | 'responses.retrieve'): number {
    const counts = this.simulator.ledger().calls[operation] ?? {};
    return Object.values(counts).reduce((sum, each) => sum + each, 0);
  }
}

/** The queue `callbacks` on a real Redis, with a worker of this process. */

import { Queue } from 'bullmq';
import { onTestFinished } from 'vitest';
import { BullmqDeadCallbacks } from '../../../src/adapters/callbacks/dead-letters.ts';
import { callbackKeys, callbacksQueue } from '../../../src/adapters/callbacks/keys.ts';
import { BullmqCallbackSender } from '../../../src/adapters/callbacks/sender.ts';
import { CallbacksWorker, type CallbacksWorkerOptions } from '../../../src/adapters/callbacks/worker.ts';
import { parseAllowList } from '../../../src/adapters/outbound-sdk/allow-list.ts';
import { createGuardedPost } from '../../../src/adapters/outbound-sdk/guarded-post.ts';
import { webhookKey } from '../../../src/adapters/outbound-sdk/standard-webhooks.ts';
import { connectRedis, type RedisClient } from '../../../src/adapters/redis-sdk/client.ts';
import { systemClock, systemRandomness } from '../../../src/runtime/clock.ts';
import type { CallbackMessage } from '../../../src/ports/callback-sender.ts';
import { eventually } from '../eventually.ts';
import { RecordingTelemetry } from '../fakes/telemetry.ts';
import { required } from '../required.ts';
import type { TestRedis } from '../redis.ts';

export const callbackSecrets = [
  'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  'whsec_c29tZSBvdGhlciBzZWNyZXQgb2YgMzIgYnl0ZXMgISE=',
] as const;

export class CallbackBench {
  readonly telemetry = new RecordingTelemetry();
  readonly queue: Queue;
  readonly sender: BullmqCallbackSender;
  readonly dead: BullmqDeadCallbacks;
  readonly keys: ReturnType<typeof callbackKeys>;
  readonly client: RedisClient;

  private constructor(redis: TestRedis, prefix: string) {
    this.client = connect(redis.url);
    this.queue = new Queue(callbacksQueue, { connection: this.client, prefix });
    onTestFinished(() => this.queue.close());
    const options = { queue: this.queue, client: this.client, prefix };
    this.sender = new BullmqCallbackSender(options);
    this.dead = new BullmqDeadCallbacks(options);
    this.keys = callbackKeys(prefix);
  }

  static async start(
    redis: TestRedis,
    { allow = ['127.0.0.1'], ...options }: Partial<CallbacksWorkerOptions> & { allow?: string[] } = {},
  ): Promise<CallbackBench> {
    const prefix = redis.prefix();
    const bench = new CallbackBench(redis, prefix);
    const post = createGuardedPost({ allow: parseAllowList(allow) });
    const worker = new CallbacksWorker({
      client: connect(redis.url),
      prefix,
      concurrency: 100,
      post,
      signingKeys: callbackSecrets.map((secret) => webhookKey(secret)),
      clock: systemClock,
      randomness: systemRandomness,
      telemetry: bench.telemetry,
      ...options,
    });
    await worker.start();
    onTestFinished(async () => {
      const stopped = worker.stop(10_000);
      // What hangs is given up.
      post.close();
      await stopped;
    });
    return bench;
  }

  async send(id: string, url: string, body = '{"some":"thing"}'): Promise<void> {
    const message: CallbackMessage = { id, runId: `run-of-${id}`, type: 'run.completed', url, body };
    await this.sender.send(message);
  }

  async job(id: string) {
    return required(await this.queue.getJob(id), `job ${id}`);
  }

  async reaches(id: string, state: string): Promise<void> {
    await eventually(
      `callback ${id} to be ${state}`,
      async () => (await this.job(id)).getState(),
      (seen) => seen === state,
    );
  }

  /** Ends the wait for the next try. */
  async hurry(id: string): Promise<void> {
    await this.reaches(id, 'delayed');
    await (await this.job(id)).promote();
  }
}

function connect(url: string): RedisClient {
  const client = connectRedis(url, 'patient');
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

import type { JobsOptions, Queue } from 'bullmq';
import { callbackTries } from '../../domain/callbacks/verdict.ts';
import type { CallbackJob } from '../../domain/wire/callback.ts';
import type { CallbackMessage, CallbackSender } from '../../ports/callback-sender.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { bodyLifeSeconds, type CallbackKeys, callbackKeys, keepDeadSeconds } from './keys.ts';

export interface CallbackSenderOptions {
  readonly queue: Queue;
  /** The connection that `queue` uses, or one like it. */
  readonly client: RedisClient;
  readonly prefix: string;
}

const jobOptions = {
  attempts: callbackTries,
  // The worker knows the waits.
  backoff: { type: 'custom' },
  stackTraceLimit: 0,
  // Delivered ones stay a while: a run whose worker died while it told of the end tells again.
  removeOnComplete: { age: 3600, count: 10_000 },
  removeOnFail: { age: keepDeadSeconds, count: 100_000 },
} satisfies JobsOptions;

/** Callbacks as jobs of the queue `callbacks`. */
export class BullmqCallbackSender implements CallbackSender {
  private readonly queue: Queue;
  private readonly client: RedisClient;
  private readonly keys: CallbackKeys;

  constructor({ queue, client, prefix }: CallbackSenderOptions) {
    this.queue = queue;
    this.client = client;
    this.keys = callbackKeys(prefix);
  }

  async send({ id, runId, type, url, body }: CallbackMessage): Promise<void> {
    const data: CallbackJob = { v: 1, run_id: runId, type, url };
    await onRedis(async () => {
      // Told again after a crash. What was delivered meanwhile must not be kept anew: nobody would send or remove it.
      if ((await this.client.exists(this.keys.job(id))) === 1) return;
      // The body first: a job is taken up at once. NX: every try sends the same.
      await this.client.set(this.keys.body(id), body, 'EX', bodyLifeSeconds, 'NX');
      await this.queue.add(type, data, { ...jobOptions, jobId: id });
    });
  }
}

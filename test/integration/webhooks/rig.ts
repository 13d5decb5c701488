/** A store, an inbox and workers on a Redis of the test's own, with steps that the test writes. */

import { Queue } from 'bullmq';
import { onTestFinished } from 'vitest';
import { runKeys, runsQueue } from '../../../src/adapters/bullmq/keys.ts';
import { BullmqRunStore } from '../../../src/adapters/bullmq/run-store.ts';
import { RunsWorker, type RunsWorkerOptions } from '../../../src/adapters/bullmq/runs-worker.ts';
import { BullmqWebhookInbox } from '../../../src/adapters/bullmq/webhook-inbox.ts';
import type { JobDataInput } from '../../../src/domain/wire/job-data.ts';
import type { WebhookFate } from '../../../src/ports/webhooks.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { someData } from '../../support/fakes/builders.ts';
import { RecordingTelemetry } from '../../support/fakes/telemetry.ts';
import { opened } from '../../support/redis-ports.ts';
import type { TestRedis } from '../../support/redis.ts';

export interface WebhookRig {
  readonly prefix: string;
  readonly keys: ReturnType<typeof runKeys>;
  readonly store: BullmqRunStore;
  readonly queue: Queue;
  /** A webhook of a response comes in. */
  take(providerRunId: string, webhookId: string): Promise<WebhookFate>;
  add(id: string, patch?: Partial<JobDataInput>): Promise<void>;
  work(step: RunsWorkerOptions['step']): Promise<void>;
  /** All keys of the fleet. */
  allKeys(): Promise<string[]>;
}

export function webhookRig(redis: TestRedis): WebhookRig {
  const prefix = redis.prefix();
  const client = opened(redis.url);
  const queue = new Queue(runsQueue, { connection: client, prefix });
  queue.on('error', () => {});
  onTestFinished(async () => {
    await queue.close();
    client.disconnect();
  });
  const store = new BullmqRunStore({ queue, client, prefix, defaultDeadlineSeconds: 600 });
  const inbox = new BullmqWebhookInbox(queue, client, prefix, systemClock);
  return {
    prefix,
    keys: runKeys(prefix),
    store,
    queue,
    take: (providerRunId, webhookId) =>
      inbox.take({ kind: 'responses', providerRunId, webhookId, account: 'default' }),
    add: (id, patch = {}) => store.add(id, someData({ accepted_at: new Date().toISOString(), ...patch })),
    async work(step) {
      const own = opened(redis.url);
      const worker = new RunsWorker({
        client: own,
        prefix,
        concurrency: 50,
        defaultDeadlineSeconds: 600,
        clock: systemClock,
        telemetry: new RecordingTelemetry(),
        step,
      });
      onTestFinished(async () => {
        await worker.stop(5000);
        own.disconnect();
      });
      await worker.start();
    },
    allKeys: () => redis.client.keys(`${prefix}:*`),
  };
}

/** Some turns of the event loop: enough for what comes meanwhile to come at any moment. */
export async function turns(most: number): Promise<void> {
  for (let left = Math.floor(Math.random() * most); left > 0; left -= 1)
    await new Promise((resolve) => setImmediate(resolve));
}

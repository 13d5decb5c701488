import { createHash } from 'node:crypto';
import type { Queue } from 'bullmq';
import type { Clock } from '../../ports/clock.ts';
import type { TakenWebhook, WebhookFate, WebhookInbox } from '../../ports/webhooks.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { type RunKeys, runKeys } from './keys.ts';
import { promote } from './promote.ts';
import { canBeAdopted } from './provider-ids.ts';
import { takeWebhook } from './provider-scripts.ts';

/** Two trips a webhook: one to flag its run, one to make it due. Those of the same moment travel together. */
export class BullmqWebhookInbox implements WebhookInbox {
  private readonly queue: Queue;
  private readonly client: RedisClient;
  private readonly keys: RunKeys;
  private readonly clock: Clock;

  constructor(queue: Queue, client: RedisClient, prefix: string, clock: Clock) {
    this.queue = queue;
    this.client = client;
    this.keys = runKeys(prefix);
    this.clock = clock;
  }

  async take({ account, kind, providerRunId, webhookId }: TakenWebhook): Promise<WebhookFate> {
    const { keys } = this;
    const scriptKeys = [
      keys.provider(account, providerRunId),
      keys.statusIndex(kind, 'creating'),
      keys.statusIndex(kind, 'requires_action'),
      keys.unclaimed(account),
      keys.foreign(account),
      keys.quarantine(account),
    ];
    const args = [
      keys.job(''),
      keys.wake(''),
      digestOf(webhookId),
      providerRunId,
      this.clock.nowMs(),
      canBeAdopted(kind) ? '1' : '',
    ];
    return await onRedis(async () => {
      const found = await takeWebhook.run(this.client, scriptKeys, args);
      const [fate, runId]: unknown[] = Array.isArray(found) ? found : [];
      if (typeof runId === 'string' && runId !== '') await promote(this.queue, runId);
      if (!isFate(fate)) throw new TypeError('The webhook script answered with something unreadable.');
      return fate;
    });
  }
}

const fates = ['woken', 'duplicate', 'early', 'ended', 'ignored', 'unknown'] as const;

function isFate(value: unknown): value is WebhookFate {
  return fates.some((fate) => fate === value);
}

/** Twelve characters: what a run must remember of a webhook. Equal ones by chance: one in 10¹⁸. */
function digestOf(webhookId: string): string {
  return createHash('sha256').update(webhookId).digest('base64url').slice(0, 12);
}

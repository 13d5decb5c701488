import type { Queue } from 'bullmq';
import type { Logger } from 'pino';
import { BullmqWebhookInbox } from '../adapters/bullmq/webhook-inbox.ts';
import type { Metrics } from '../adapters/metrics/metrics.ts';
import type { RedisClient } from '../adapters/redis-sdk/client.ts';
import { StandardWebhookVerifier, type WebhookSecret } from '../adapters/webhooks/verify.ts';
import type { ReceiveWebhookDeps } from '../app/receive-webhook.ts';
import { systemClock } from './clock.ts';

export interface WebhookOptions {
  readonly secrets: readonly WebhookSecret[];
  readonly queue: Queue;
  readonly client: RedisClient;
  readonly prefix: string;
  readonly metrics: Pick<Metrics, 'webhooks'>;
  readonly logger: Logger;
}

const refusalLogIntervalMs = 60_000;

/** What inbound webhooks go through. */
export function receiveWebhooks(options: WebhookOptions): ReceiveWebhookDeps {
  const { secrets, queue, client, prefix, metrics, logger } = options;
  const logRefusal = refusalLog(logger);
  return {
    verifier: secrets.length === 0 ? null : new StandardWebhookVerifier(secrets),
    inbox: new BullmqWebhookInbox(queue, client, prefix, systemClock),
    clock: systemClock,
    note: (type, result, reason) => {
      metrics.webhooks.inc({ type, result });
      if (result === 'refused') logRefusal(reason ?? '');
    },
  };
}

/** A line a minute: whoever sends rubbish must not fill the log, and a wrong secret must be seen. */
function refusalLog(logger: Logger): (reason: string) => void {
  let loggedAtMs = -Infinity;
  let unsaid = 0;
  return (reason) => {
    const nowMs = performance.now();
    unsaid += 1;
    if (nowMs - loggedAtMs < refusalLogIntervalMs) return;
    logger.warn({ reason, refused: unsaid }, 'webhooks are refused; see docs/webhooks.md');
    loggedAtMs = nowMs;
    unsaid = 0;
  };
}

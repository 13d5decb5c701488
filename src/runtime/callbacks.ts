import { Queue } from 'bullmq';
import { BullmqDeadCallbacks } from '../adapters/callbacks/dead-letters.ts';
import { callbacksQueue } from '../adapters/callbacks/keys.ts';
import { BullmqCallbackSender } from '../adapters/callbacks/sender.ts';
import { removeOldCallbacks } from '../adapters/callbacks/sweep.ts';
import { CallbacksWorker } from '../adapters/callbacks/worker.ts';
import type { Metrics } from '../adapters/metrics/metrics.ts';
import { PrometheusTelemetry } from '../adapters/metrics/prometheus-telemetry.ts';
import { type AllowList, parseAllowList } from '../adapters/outbound-sdk/allow-list.ts';
import { destinationOf } from '../adapters/outbound-sdk/destination.ts';
import { createGuardedPost } from '../adapters/outbound-sdk/guarded-post.ts';
import { webhookKey } from '../adapters/outbound-sdk/standard-webhooks.ts';
import type { RedisClient } from '../adapters/redis-sdk/client.ts';
import type { CallbackConfig } from '../config/index.ts';
import type { CallbackRules } from '../ports/callback-sender.ts';
import { systemClock, systemRandomness } from './clock.ts';
import { type ConnectionContext, lockOptions, open } from './connections.ts';
import { startHousekeeping } from './housekeeping.ts';
import { StartError } from './start-error.ts';

const housekeepingIntervalMs = 60_000;
/** Longer than the end of a run can be told of again. */
const keepDeliveredSeconds = 3600;

export interface OpenCallbacks {
  readonly queue: Queue;
  readonly sender: BullmqCallbackSender;
  readonly dead: BullmqDeadCallbacks;
  jobCounts(): Promise<Record<string, number>>;
}

/** The queue `callbacks`, for those who add to it or look at it. */
export function openCallbacks(
  { config, closers, logger }: ConnectionContext,
  client: RedisClient,
): OpenCallbacks {
  const queue = new Queue(callbacksQueue, { connection: client, prefix: config.prefix });
  queue.on('error', (error) => logger.warn({ err: error }, 'queue "callbacks"'));
  closers.add('queue "callbacks"', () => queue.close());
  const options = { queue, client, prefix: config.prefix };
  return {
    queue,
    sender: new BullmqCallbackSender(options),
    dead: new BullmqDeadCallbacks(options),
    jobCounts: () => queue.getJobCounts('waiting', 'active', 'delayed', 'completed', 'failed'),
  };
}

/** A call takes 15 s at most; what is left of the 25 s is for closing the rest. */
const callDeadlineMs = 20_000;

/** A worker of the queue `callbacks`. Resolves once it takes callbacks. */
export async function startCallbacks(context: ConnectionContext, metrics: Metrics): Promise<void> {
  const { config, logger, closers } = context;
  const client = open(context, 'patient', 'Redis callbacks');
  const { queue } = openCallbacks(context, client);
  const post = createGuardedPost({ allow: allowList(config.callbacks) });
  closers.add('calls of callbacks', async () => post.close());
  const worker = new CallbacksWorker({
    client,
    prefix: config.prefix,
    concurrency: config.callbacks.concurrency,
    ...lockOptions(context),
    post,
    signingKeys: config.callbacks.secrets.map((secret) => webhookKey(secret)),
    clock: systemClock,
    randomness: systemRandomness,
    telemetry: new PrometheusTelemetry(metrics, logger),
  });
  const keepSeconds = Math.min(keepDeliveredSeconds, config.keepResultsSeconds);
  const housekeeping = startHousekeeping(
    () => removeOldCallbacks(queue, keepSeconds),
    Math.min(housekeepingIntervalMs, Math.max(1000, keepSeconds * 500)),
    logger,
  );
  closers.add('housekeeping of callbacks', () => housekeeping.stop());
  await worker.start();
  closers.add('callbacks worker', (leftMs) => worker.stop(Math.min(callDeadlineMs, leftMs)));
}

/** For the API: what can never be delivered is refused when it is sent. */
export function callbackRules(config: CallbackConfig): CallbackRules {
  const allow = allowList(config);
  return {
    problemOf(url) {
      if (config.secrets.length === 0) {
        return 'Callbacks are not set up here: they are signed, and RUNFLEET_CALLBACK_SECRET is not set.';
      }
      const destination = destinationOf(url, allow);
      if (destination.ok) return null;
      const { reason, problem } = destination;
      return reason === 'blocked' ? `${problem} RUNFLEET_CALLBACK_ALLOW can name it.` : problem;
    },
  };
}

/** Throws `StartError`. */
export function allowList({ allow }: CallbackConfig): AllowList {
  try {
    return parseAllowList(allow);
  } catch (error) {
    throw new StartError(
      `RUNFLEET_CALLBACK_ALLOW: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

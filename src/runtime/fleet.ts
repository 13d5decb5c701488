/** What each role of the fleet is made of. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { runsQueue } from '../adapters/bullmq/keys.ts';
import { RunsWorker } from '../adapters/bullmq/runs-worker.ts';
import { callbacksQueue } from '../adapters/callbacks/keys.ts';
import { Sweep } from '../adapters/bullmq/sweep.ts';
import { RedisToolAnswers } from '../adapters/bullmq/tool-answers.ts';
import { eventReaders } from '../adapters/metrics/event-readers.ts';
import { addFleetGauges, addQuotaGauges, addToolWaitGauge } from '../adapters/metrics/fleet-gauges.ts';
import { createMetrics, type Metrics } from '../adapters/metrics/metrics.ts';
import { PrometheusTelemetry } from '../adapters/metrics/prometheus-telemetry.ts';
import { RedisDurationStore } from '../adapters/redis/duration-store.ts';
import { RedisEventBus } from '../adapters/redis/event-bus.ts';
import { RedisIdempotencyStore } from '../adapters/redis/idempotency.ts';
import { redisKeys } from '../adapters/redis/keys.ts';
import { RedisOutputFeed } from '../adapters/redis/output-feed.ts';
import { advance, type AdvanceDeps } from '../app/advance.ts';
import { Backlog } from '../app/backlog.ts';
import { SharedLooks } from '../app/shared-looks.ts';
import { jobResultOf } from '../app/view.ts';
import type { AccountConfig } from '../config/index.ts';
import { defaultPolicy } from '../domain/policy.ts';
import { createApp } from '../http/app.ts';
import { accountNames, healthChecks, startAccounts } from './accounts.ts';
import { callbackRules, openCallbacks } from './callbacks.ts';
import { systemClock, systemRandomness } from './clock.ts';
import { type ConnectionContext, lockOptions, open, openStore } from './connections.ts';
import { startHousekeeping } from './housekeeping.ts';
import { listen } from './listen.ts';
import { startPolling } from './polling.ts';
import { requestRules } from './kinds.ts';
import { quotaView, startQuotas } from './quota-view.ts';
import { type AccountChecks, readiness } from './readiness.ts';
import { longestToolWaitMs, openToolQueue, startQueueTools, toolJobCounts } from './tool-queue.ts';
import { startStreams } from './streams.ts';
import { startHttpTools } from './tools-http.ts';
import { receiveWebhooks } from './webhooks.ts';

export interface FleetContext extends ConnectionContext {
  /** The first is the default one. */
  readonly accounts: readonly [AccountConfig, ...AccountConfig[]];
}

/** Steps in hand get so long to finish at shutdown. */
const stepDeadlineMs = 20_000;
const housekeepingIntervalMs = 30_000;
/** How often connections are looked for that have fallen idle since the API was told to stop. */
const idleCheckMs = 100;

/** The HTTP API. Resolves with its URL once it listens. */
export async function startApi(context: FleetContext): Promise<string> {
  const { config, logger, closers } = context;
  const client = open(context, 'prompt', 'Redis');
  const subscriber = open(context, 'patient', 'Redis events');
  const keys = redisKeys(config.prefix);
  const { queue, store } = openStore(context, client);
  const toolQueue = openToolQueue(context, client);
  const events = new RedisEventBus(client, subscriber, keys, (error) =>
    logger.error({ err: error }, 'event listener'),
  );
  await events.start();
  const callbacks = openCallbacks(context, client);
  const output = new RedisOutputFeed(client, subscriber, keys, (error) =>
    logger.error({ err: error }, 'output listener'),
  );
  const metrics = createMetrics();
  const { registry } = metrics;
  addFleetGauges(registry, async () => {
    const [counts, callbackJobs, toolJobs] = await Promise.all([
      store.counts(),
      callbacks.jobCounts(),
      toolJobCounts(toolQueue),
    ]);
    const jobs = { [runsQueue]: counts.jobs, [callbacksQueue]: callbackJobs, [toolQueue.name]: toolJobs };
    return { ...counts, jobs };
  });
  addToolWaitGauge(registry, () => longestToolWaitMs(client, config.prefix));
  const quotas = startQuotas(context, client, subscriber);
  addQuotaGauges(registry, async () =>
    Object.fromEntries(
      (await quotas.read()).map(({ name, quota: { requests, tokens } }) => [name, { requests, tokens }]),
    ),
  );
  const stopping = new AbortController();
  const app = createApp({
    store,
    events,
    webhooks: receiveWebhooks({
      secrets: context.accounts.flatMap(({ name: account, webhookSecrets }) =>
        webhookSecrets.map((secret) => ({ secret, account })),
      ),
      queue,
      client,
      prefix: config.prefix,
      metrics,
      logger,
    }),
    answers: new RedisToolAnswers(client, config.prefix),
    output,
    idempotency: new RedisIdempotencyStore(client, keys, config.keepResultsSeconds),
    backlog: new Backlog(store, systemClock, config.backlogLimit),
    clock: systemClock,
    randomness: systemRandomness,
    defaultDeadlineSeconds: config.deadlineSeconds,
    kinds: requestRules,
    accountNames: accountNames(context),
    callbacks: callbackRules(config.callbacks),
    deadCallbacks: callbacks.dead,
    keys: context.keys,
    readiness: () => readiness(client, healthChecks(context, client, quotas.check)),
    metrics: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    quota: async () => quotaView(await quotas.read()),
    durations: new RedisDurationStore(client, keys, systemClock),
    eventReaders: eventReaders(registry),
    boardQueues: [queue, toolQueue, callbacks.queue],
    logger,
    stopping: stopping.signal,
  });
  const server = createServer(app);
  // A caller that always has a request under way would hold its old connection, and with it this process.
  server.prependListener('request', (_request, response) => {
    if (stopping.signal.aborted) response.shouldKeepAlive = false;
  });
  const url = await listen(server, config.host, config.port, 'RUNFLEET_PORT');
  closers.add('HTTP', async () => {
    stopping.abort();
    server.close();
    const closing = setInterval(() => server.closeIdleConnections(), idleCheckMs);
    await once(server, 'close').finally(() => clearInterval(closing));
  });
  return url;
}

/** A worker of the queue `runs`. Resolves once it takes jobs, with what to ask about its readiness. */
export async function startRuns(context: FleetContext, metrics: Metrics): Promise<readonly AccountChecks[]> {
  const { config, logger, closers } = context;
  const client = open(context, 'patient', 'Redis');
  const subscriber = open(context, 'patient', 'Redis events');
  const keys = redisKeys(config.prefix);
  const { queue, store } = openStore(context, client);
  const events = new RedisEventBus(client, null, keys, (error) =>
    logger.error({ err: error }, 'event listener'),
  );
  const { sender } = openCallbacks(context, client);
  const { accounts, checks } = await startAccounts(context, { client, subscriber, metrics });
  const telemetry = new PrometheusTelemetry(metrics, logger);
  const polling = startPolling(context, client, telemetry);
  metrics.polls.priceSeconds.set(config.pollCostMs / 1000);
  const answers = new RedisToolAnswers(client, config.prefix);
  const deps: AdvanceDeps = {
    kinds: requestRules,
    accounts,
    events,
    callbacks: sender,
    clock: systemClock,
    randomness: systemRandomness,
    telemetry,
    policy: defaultPolicy,
    polling,
    tools: {
      answers,
      dispatchers: {
        queue: startQueueTools(context, client, { answers, store }),
        http: await startHttpTools(context, client, { answers, store, telemetry }),
      },
    },
    looks: new SharedLooks(),
    streams: startStreams(context, client, store, telemetry, metrics),
  };
  const worker = new RunsWorker({
    client,
    prefix: config.prefix,
    concurrency: config.concurrency,
    ...lockOptions(context),
    defaultDeadlineSeconds: config.deadlineSeconds,
    clock: systemClock,
    telemetry,
    step: async (activation) => {
      const advanced = await advance(activation, deps);
      if (advanced.type === 'parked') return advanced;
      const { spec } = activation;
      return {
        type: 'ended',
        result: jobResultOf({ spec, state: advanced.state, outcome: advanced.outcome }),
      };
    },
  });
  const retention = { keepMs: config.keepResultsSeconds * 1000, keepRuns: config.keepResults };
  const intervalMs = Math.min(housekeepingIntervalMs, Math.max(1000, retention.keepMs / 2));
  const { prefix } = config;
  const otherKeys = (id: string): string[] => [keys.stream(id), keys.streamEnd(id), keys.output(id)];
  const runs = { queue, client, store, prefix, otherKeys };
  const sweep = new Sweep({ ...runs, clock: systemClock, retention, intervalMs });
  const housekeeping = startHousekeeping(() => sweep.turn(), intervalMs, logger);
  closers.add('housekeeping', () => housekeeping.stop());
  await worker.start();
  closers.add('runs worker', (leftMs) => worker.stop(Math.min(stepDeadlineMs, leftMs)));
  return checks;
}

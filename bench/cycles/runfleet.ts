import { Queue } from 'bullmq';
import { pino } from 'pino';
import { runsQueue } from '../../src/adapters/bullmq/keys.ts';
import { BullmqRunStore } from '../../src/adapters/bullmq/run-store.ts';
import { RedisToolAnswers } from '../../src/adapters/bullmq/tool-answers.ts';
import { RunsWorker } from '../../src/adapters/bullmq/runs-worker.ts';
import { createMetrics } from '../../src/adapters/metrics/metrics.ts';
import { PrometheusTelemetry } from '../../src/adapters/metrics/prometheus-telemetry.ts';
import { RedisEventBus } from '../../src/adapters/redis/event-bus.ts';
import { accountKeys, redisKeys } from '../../src/adapters/redis/keys.ts';
import { RedisPauseGate } from '../../src/adapters/redis/pause-gate.ts';
import { RedisProviderHealth } from '../../src/adapters/redis/provider-health.ts';
import { connectRedis } from '../../src/adapters/redis-sdk/client.ts';
import { AccountDirectory } from '../../src/app/account-directory.ts';
import { advance } from '../../src/app/advance.ts';
import { SharedLooks } from '../../src/app/shared-looks.ts';
import { BackoffPolling } from '../../src/app/polling.ts';
import { defaultPolicy } from '../../src/domain/policy.ts';
import { jobData } from '../../src/domain/wire/job-data.ts';
import type { ProviderSnapshot } from '../../src/domain/snapshot.ts';
import type { RunProvider } from '../../src/ports/run-provider.ts';
import { systemClock, systemRandomness } from '../../src/runtime/clock.ts';
import type { Load } from './bare.ts';

const prefix = '{bench}';

/** The real worker with the real step on the real store; only the provider is in memory. Cycles a second. */
export async function runfleetCycles(url: string, { jobs, cycles, concurrency }: Load): Promise<number> {
  const client = connectRedis(url, 'patient');
  const subscriber = connectRedis(url, 'patient');
  const keys = redisKeys(prefix);
  const queue = new Queue(runsQueue, { connection: client, prefix });
  const store = new BullmqRunStore({ queue, client, prefix, defaultDeadlineSeconds: 600 });
  const data = jobData.parse({
    request: { model: 'bench', input: 'x'.repeat(100) },
    accepted_at: new Date().toISOString(),
  });
  await store.addMany(Array.from({ length: jobs }, () => ({ id: systemRandomness.runId(Date.now()), data })));
  const telemetry = new PrometheusTelemetry(createMetrics(), pino({ level: 'silent' }));
  const gate = new RedisPauseGate(client, subscriber, accountKeys(prefix, 'bench'), systemClock);
  await gate.start();
  const provider = countingProvider(cycles);
  const done = Promise.withResolvers<void>();
  let ended = 0;
  const deps = {
    kinds: { responses: provider, assistants: provider },
    accounts: new AccountDirectory({
      clock: systemClock,
      pools: [],
      accounts: [
        {
          name: 'default',
          providers: { responses: provider, assistants: provider },
          gate,
          health: new RedisProviderHealth(client, accountKeys(prefix, 'bench'), systemClock),
          standing: () => null,
        },
      ],
    }),
    events: new RedisEventBus(client, null, keys, done.reject),
    callbacks: { send: () => Promise.resolve() },
    clock: systemClock,
    randomness: systemRandomness,
    telemetry,
    policy: defaultPolicy,
    polling: new BackoffPolling({ schedule: { delayMs: () => 1 }, costMs: 1000 }),
    tools: { answers: new RedisToolAnswers(client, prefix), dispatchers: {} },
    looks: new SharedLooks(),
  };
  const worker = new RunsWorker({
    client,
    prefix,
    concurrency,
    defaultDeadlineSeconds: 600,
    clock: systemClock,
    telemetry,
    step: async (activation) => {
      const advanced = await advance(activation, deps);
      return advanced.type === 'parked' ? advanced : { type: 'ended', result: null };
    },
  });
  worker.worker.on('completed', () => {
    ended += 1;
    if (ended === jobs) done.resolve();
  });
  const startMs = performance.now();
  await worker.start();
  await done.promise;
  const seconds = (performance.now() - startMs) / 1000;
  await worker.stop(5000);
  await queue.close();
  client.disconnect();
  subscriber.disconnect();
  return (jobs * cycles) / seconds;
}

/** Parks `cycles` times (the create and all looks but the last), then completes. */
function countingProvider(cycles: number): RunProvider {
  const looks = new Map<string, number>();
  const base = { threadId: null, createdAtMs: null, expiresAtMs: null, pollAfterMs: null, usage: null };
  const running = (providerRunId: string): ProviderSnapshot => ({
    ...base,
    providerRunId,
    phase: 'running',
    status: 'in_progress',
    rawStatus: 'in_progress',
    toolCalls: [],
  });
  return {
    kind: 'responses',
    create: (_request, runId) => Promise.resolve(running(runId)),
    retrieve: ({ providerRunId }) => {
      const count = (looks.get(providerRunId) ?? 0) + 1;
      looks.set(providerRunId, count);
      if (count < cycles) return Promise.resolve(running(providerRunId));
      return Promise.resolve({
        ...base,
        providerRunId,
        phase: 'ended',
        status: 'completed',
        endedAtMs: null,
        error: null,
        output: null,
      });
    },
    submit: refuse,
    cancel: refuse,
    toolOutputLimits: { eachBytes: 0, totalBytes: 0 },
    fetchOutput: refuse,
    canFind: () => false,
    find: refuse,
    validate: () => [],
    laneOf: () => null,
    traitsOf: () => ({}),
  };
}

const refuse = (): Promise<never> => Promise.reject(new Error('The benchmark does not call this.'));

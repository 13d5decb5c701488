import { type ToolMetrics, toolMetrics } from './tool-metrics.ts';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Calls a run are small integers: the two or three of a webhook run must not share a bucket with a poll's ten. */
const callBuckets = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100, 200];
const delayBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300];
const durationBuckets = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600, 14_400];

/** The metrics that a process writes. Labels are bounded: no ids, no free text. Durations in seconds. */
export interface Metrics {
  readonly registry: Registry;
  readonly apiCalls: Counter<'kind' | 'operation' | 'code'>;
  readonly callsPerRun: Histogram<'kind' | 'outcome' | 'found_by'>;
  readonly detectionDelay: Histogram<'kind' | 'found_by'>;
  readonly runDuration: Histogram<'kind' | 'outcome'>;
  readonly runs: Counter<'kind' | 'outcome'>;
  readonly callbacks: Counter<'result'>;
  readonly throttled: Counter<'account'>;
  readonly webhooks: Counter<'type' | 'result'>;
  readonly streams: Counter<'result'>;
  readonly tokens: Counter<'account' | 'kind' | 'direction'>;
  readonly polls: PollMetrics;
  readonly limiter: LimiterMetrics;
  readonly tools: ToolMetrics;
}

/** `account`: its name as configured, never its key nor a hash of it. */
export interface LimiterMetrics {
  readonly permits: Counter<'account' | 'class'>;
  readonly waitSeconds: Histogram<'account' | 'class'>;
}

/** What looking costs, beside what the plain backoff would have cost. Counters, so that rates and regret are sums. */
export interface PollMetrics {
  readonly looks: Counter<'kind'>;
  readonly expectedLooks: Counter<'kind'>;
  readonly backoffLooks: Counter<'kind'>;
  readonly costSeconds: Counter<'kind'>;
  readonly backoffCostSeconds: Counter<'kind'>;
  readonly priceSeconds: Gauge;
  readonly webhookArrival: Gauge;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // Gauges whose names end like a counter's: `promtool check metrics` refuses them.
  for (const name of [
    'nodejs_active_handles_total',
    'nodejs_active_requests_total',
    'nodejs_active_resources_total',
  ]) {
    registry.removeSingleMetric(name);
  }
  const registers = [registry];
  return {
    registry,
    apiCalls: new Counter({
      name: 'runfleet_api_calls_total',
      help: 'API calls made, by answer: an HTTP status, or "error" when there was none.',
      labelNames: ['kind', 'operation', 'code'],
      registers,
    }),
    callsPerRun: new Histogram({
      name: 'runfleet_api_calls_per_run',
      help: 'API calls that a run cost, from its create to its outcome.',
      labelNames: ['kind', 'outcome', 'found_by'],
      buckets: callBuckets,
      registers,
    }),
    detectionDelay: new Histogram({
      name: 'runfleet_detection_delay_seconds',
      help: 'From the end of a run at its provider to our knowing of it.',
      labelNames: ['kind', 'found_by'],
      buckets: delayBuckets,
      registers,
    }),
    runDuration: new Histogram({
      name: 'runfleet_run_duration_seconds',
      help: 'From acceptance to outcome.',
      labelNames: ['kind', 'outcome'],
      buckets: durationBuckets,
      registers,
    }),
    runs: new Counter({
      name: 'runfleet_runs_total',
      help: 'Runs that ended, by outcome.',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
    callbacks: new Counter({
      name: 'runfleet_callbacks_total',
      help: 'Tries to deliver a callback: delivered, failed (tried again), or given up as exhausted, gone or blocked.',
      labelNames: ['result'],
      registers,
    }),
    throttled: new Counter({
      name: 'runfleet_provider_throttled_total',
      help: 'Calls that the provider answered with 429.',
      labelNames: ['account'],
      registers,
    }),
    webhooks: new Counter({
      name: 'runfleet_webhooks_total',
      help: 'Webhooks of the provider that came in, by event and by what came of them.',
      labelNames: ['type', 'result'],
      registers,
    }),
    streams: new Counter({
      name: 'runfleet_streams_total',
      help: 'Streams of events, by what became of them: ended, broken, resumed, lost to another process, refused for want of room.',
      labelNames: ['result'],
      registers,
    }),
    tokens: new Counter({
      name: 'runfleet_tokens_total',
      help: 'Tokens of ended runs, as the provider counted them.',
      labelNames: ['account', 'kind', 'direction'],
      registers,
    }),
    polls: pollMetrics(registry),
    limiter: limiterMetrics(registry),
    tools: toolMetrics(registry),
  };
}

function limiterMetrics(registry: Registry): LimiterMetrics {
  return {
    permits: new Counter({
      name: 'runfleet_limiter_permits_total',
      help: 'Calls that the shared limiter let through.',
      labelNames: ['account', 'class'],
      registers: [registry],
    }),
    waitSeconds: new Histogram({
      name: 'runfleet_limiter_wait_seconds',
      help: 'From the first time that a call asked for its permit to the permit.',
      labelNames: ['account', 'class'],
      buckets: delayBuckets,
      registers: [registry],
    }),
  };
}

function pollMetrics(registry: Registry): PollMetrics {
  const counter = (name: string, help: string): Counter<'kind'> =>
    new Counter({ name: `runfleet_poll_${name}`, help, labelNames: ['kind'], registers: [registry] });
  return {
    looks: counter('looks_total', 'Looks at runs that ended and were found by looking.'),
    expectedLooks: counter(
      'expected_looks_total',
      'Looks that were expected for the same runs, by what was learnt; not counted under the plain backoff.',
    ),
    backoffLooks: counter(
      'backoff_looks_total',
      'Looks that the plain backoff would have made for the same runs.',
    ),
    costSeconds: counter(
      'cost_seconds_total',
      'What the same runs cost: seconds of delay, and for each look the delay that it is worth.',
    ),
    backoffCostSeconds: counter(
      'backoff_cost_seconds_total',
      'What the plain backoff would have cost. Regret: runfleet_poll_cost_seconds_total less this; below 0 is a gain.',
    ),
    priceSeconds: new Gauge({
      name: 'runfleet_poll_price_seconds',
      help: 'The delay that one look is worth now, where a run does not say; rises while the quota is short.',
      registers: [registry],
    }),
    webhookArrival: new Gauge({
      name: 'runfleet_webhook_arrival_ratio',
      help: 'The chance that a webhook tells of a run that ends, by the latest runs. 0 where none is expected.',
      registers: [registry],
    }),
  };
}

/** The streams of events that this process reads now. */
export function addStreamGauge(registry: Registry, read: () => number): void {
  void new Gauge({
    name: 'runfleet_streams_open',
    help: 'Streams of events that this process reads now.',
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface ToolMetrics {
  readonly calls: Counter<'tool' | 'result'>;
  readonly durationSeconds: Histogram<'tool'>;
}

/** From lookups to approvals. */
const durationBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800, 7200, 86_400];

export function toolMetrics(registry: Registry): ToolMetrics {
  return {
    calls: new Counter({
      name: 'runfleet_tool_calls_total',
      help: 'Tool calls that were answered, by result: ok, or why not.',
      labelNames: ['tool', 'result'],
      registers: [registry],
    }),
    durationSeconds: new Histogram({
      name: 'runfleet_tool_call_duration_seconds',
      help: 'From the start of the work on a tool call to its answer.',
      labelNames: ['tool'],
      buckets: durationBuckets,
      registers: [registry],
    }),
  };
}

/** `read`: milliseconds. For API processes alone, as all gauges of the whole fleet. */
export function addToolWaitGauge(registry: Registry, read: () => Promise<number>): void {
  void new Gauge({
    name: 'runfleet_tool_calls_oldest_seconds',
    help: 'How long the oldest tool call that waits for a worker has waited; 0 without. Do not sum.',
    registers: [registry],
    async collect() {
      this.set((await read()) / 1000);
    },
  });
}

import { Counter, Histogram, type Registry } from 'prom-client';

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

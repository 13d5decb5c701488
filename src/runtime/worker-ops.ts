import type { Metrics } from '../adapters/metrics/metrics.ts';
import { type ConnectionContext, open } from './connections.ts';
import { startOpsServer } from './ops-server.ts';
import { type AccountChecks, readiness } from './readiness.ts';

/**
 * What a worker process shows of itself, whatever it works on: its URL, or null where RUNFLEET_METRICS_PORT is off.
 * `accounts`: none where it makes no calls to a provider.
 */
export async function startWorkerOps(
  context: ConnectionContext,
  { registry }: Metrics,
  accounts: readonly AccountChecks[],
): Promise<string | null> {
  const { config, closers } = context;
  if (config.metricsPort === 0) return null;
  const client = open(context, 'patient', 'Redis readiness');
  const server = await startOpsServer({
    host: config.host,
    port: config.metricsPort,
    metrics: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    readiness: () => readiness(client, accounts),
  });
  closers.add('metrics', () => server.close());
  return server.url;
}

/** Serves tool calls with a module of functions. */

import { cwd } from 'node:process';
import { createMetrics, type Metrics } from '../adapters/metrics/metrics.ts';
import { PrometheusTelemetry } from '../adapters/metrics/prometheus-telemetry.ts';
import { loadToolsModule, ToolsModuleError } from '../adapters/tools/load-module.ts';
import type { ToolSet } from '../adapters/tools/tool.ts';
import { ToolsWorker } from '../adapters/tools/tools-worker.ts';
import type { Config } from '../config/index.ts';
import { systemClock } from './clock.ts';
import { type ConnectionContext, lockOptions, open } from './connections.ts';
import { startOpsServer } from './ops-server.ts';
import { readiness } from './readiness.ts';
import { StartError } from './start-error.ts';

export type { ToolSet };

/** Handlers in hand get so long to finish at shutdown. */
const handlerDeadlineMs = 22_000;

/** A process of its own. Resolves once it takes calls, with the URL of its metrics if it has one. */
export async function startToolsProcess(context: ConnectionContext, tools: ToolSet): Promise<string | null> {
  const { config, closers } = context;
  const metrics = createMetrics();
  const { registry } = metrics;
  const client = open(context, 'patient', 'Redis');
  let url: string | null = null;
  if (config.metricsPort > 0) {
    const server = await startOpsServer({
      host: config.host,
      port: config.metricsPort,
      metrics: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
      readiness: () => readiness(client, []),
    });
    closers.add('metrics', () => server.close());
    url = server.url;
  }
  await startTools(context, tools, metrics);
  return url;
}

/** Takes calls of the queue `tools`. */
export async function startTools(
  context: ConnectionContext,
  tools: ToolSet,
  metrics: Metrics = createMetrics(),
): Promise<void> {
  const { config, closers, logger } = context;
  const worker = new ToolsWorker({
    client: open(context, 'patient', 'Redis of tools'),
    subscriber: open(context, 'patient', 'Redis withdrawals'),
    prefix: config.prefix,
    tools,
    concurrency: config.tools.concurrency,
    maxOutputBytes: config.tools.maxOutputBytes,
    clock: systemClock,
    telemetry: new PrometheusTelemetry(metrics, logger),
    ...lockOptions(context),
  });
  await worker.start();
  closers.add('tools worker', () => worker.stop(handlerDeadlineMs));
  logger.info({ tools: [...tools.keys()] }, 'serving tools');
}

/** The tools of `RUNFLEET_TOOLS_MODULE`; null without one. Throws `StartError`. */
export async function loadTools({ tools }: Config): Promise<ToolSet | null> {
  if (tools.module === null) return null;
  try {
    return await loadToolsModule(tools.module, cwd());
  } catch (error) {
    if (error instanceof ToolsModuleError) throw new StartError(error.message, { cause: error });
    throw error;
  }
}

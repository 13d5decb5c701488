/** Serves tool calls with a module of functions. */

import { cwd } from 'node:process';
import type { Metrics } from '../adapters/metrics/metrics.ts';
import { PrometheusTelemetry } from '../adapters/metrics/prometheus-telemetry.ts';
import { loadToolsModule, ToolsModuleError } from '../adapters/tools/load-module.ts';
import type { ToolSet } from '../adapters/tools/tool.ts';
import { ToolsWorker } from '../adapters/tools/tools-worker.ts';
import type { KeptConfig } from './connections.ts';
import { systemClock } from './clock.ts';
import { type ConnectionContext, lockOptions, open } from './connections.ts';
import { StartError } from './start-error.ts';

export type { ToolSet };

/** Handlers in hand get so long to finish at shutdown. */
const handlerDeadlineMs = 22_000;

/** Takes calls of the queue `tools`. */
export async function startTools(
  context: ConnectionContext,
  tools: ToolSet,
  metrics: Metrics,
): Promise<void> {
  const { config, closers, logger } = context;
  const worker = new ToolsWorker({
    client: open(context, 'patient', 'Redis of tools'),
    subscriber: open(context, 'patient', 'Redis withdrawals'),
    prefix: config.prefix,
    redisUrl: context.redisUrl,
    tools,
    concurrency: config.tools.concurrency,
    maxOutputBytes: config.tools.maxOutputBytes,
    clock: systemClock,
    telemetry: new PrometheusTelemetry(metrics, logger),
    ...lockOptions(context),
  });
  await worker.start();
  closers.add('tools worker', (leftMs) => worker.stop(Math.min(handlerDeadlineMs, leftMs)));
  logger.info({ tools: [...tools.keys()] }, 'serving tools');
}

/** The tools of `RUNFLEET_TOOLS_MODULE`; null without one. Throws `StartError`. */
export async function loadTools({ tools }: KeptConfig): Promise<ToolSet | null> {
  if (tools.module === null) return null;
  try {
    return await loadToolsModule(tools.module, cwd());
  } catch (error) {
    if (error instanceof ToolsModuleError) throw new StartError(error.message, { cause: error });
    throw error;
  }
}

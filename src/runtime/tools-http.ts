/** Mode `http`: calls of tools that a URL answers, made by the runs processes beside their runs. */

import { Queue } from 'bullmq';
import { HttpToolDispatcher } from '../adapters/tools/http-dispatcher.ts';
import { HttpToolsWorker } from '../adapters/tools/http-worker.ts';
import { httpToolsQueue } from '../adapters/tools/keys.ts';
import { createGuardedPost } from '../adapters/outbound-sdk/guarded-post.ts';
import { webhookKey } from '../adapters/outbound-sdk/standard-webhooks.ts';
import type { RedisClient } from '../adapters/redis-sdk/client.ts';
import { answerTool, type AnswerToolDeps } from '../app/answer-tool.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { allowList } from './callbacks.ts';
import { systemClock } from './clock.ts';
import { type ConnectionContext, lockOptions, open } from './connections.ts';

/** Calls under way at a shutdown get so long. */
const stopDeadlineMs = 20_000;

/** Resolves once calls are made. */
export async function startHttpTools(
  context: ConnectionContext,
  client: RedisClient,
  deps: AnswerToolDeps & { readonly telemetry: Telemetry },
): Promise<HttpToolDispatcher> {
  const { config, closers, logger } = context;
  const { prefix, tools, callbacks } = config;
  const queue = new Queue(httpToolsQueue, { connection: client, prefix });
  queue.on('error', (error) => logger.warn({ err: error }, 'queue "tools-http"'));
  closers.add('queue "tools-http"', () => queue.close());
  const post = createGuardedPost({ allow: allowList(callbacks) });
  closers.add('calls of tools', async () => post.close());
  const worker = new HttpToolsWorker({
    client: open(context, 'patient', 'Redis http tools'),
    subscriber: open(context, 'patient', 'Redis http withdrawals'),
    prefix,
    concurrency: tools.concurrency,
    maxOutputBytes: tools.maxOutputBytes,
    timeoutMs: tools.httpTimeoutSeconds * 1000,
    post,
    signingKeys: callbacks.secrets.map((secret) => webhookKey(secret)),
    onAnswer: (answer) => answerTool(deps, answer),
    clock: systemClock,
    telemetry: deps.telemetry,
    ...lockOptions(context),
  });
  await worker.start();
  closers.add('http tools worker', (leftMs) => worker.stop(Math.min(stopDeadlineMs, leftMs)));
  return new HttpToolDispatcher({ queue, client, prefix });
}

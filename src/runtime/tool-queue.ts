/** What the API and the runs workers have of the queue `tools`. */

import { Queue } from 'bullmq';
import type { RedisClient } from '../adapters/redis-sdk/client.ts';
import { QueueToolDispatcher } from '../adapters/tools/dispatcher.ts';
import { toolsQueue } from '../adapters/tools/keys.ts';
import { removeOldToolJobs } from '../adapters/tools/sweep.ts';
import { waitingTools } from '../adapters/tools/waiting.ts';
import { ToolWatcher } from '../adapters/tools/watcher.ts';
import { answerTool, type AnswerToolDeps } from '../app/answer-tool.ts';
import { systemClock } from './clock.ts';
import { type ConnectionContext, open } from './connections.ts';
import { startHousekeeping } from './housekeeping.ts';

const sweepIntervalMs = 3_600_000;

export function openToolQueue({ config, closers, logger }: ConnectionContext, client: RedisClient): Queue {
  const queue = new Queue(toolsQueue, { connection: client, prefix: config.prefix });
  queue.on('error', (error) => logger.warn({ err: error }, 'queue "tools"'));
  closers.add('queue "tools"', () => queue.close());
  return queue;
}

export async function toolJobCounts(queue: Queue): Promise<Readonly<Record<string, number>>> {
  return await queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized', 'completed', 'failed');
}

/** How long the call has waited that is next in line. */
export async function longestToolWaitMs(client: RedisClient, prefix: string): Promise<number> {
  return (await waitingTools(client, prefix, systemClock.nowMs(), 1)).longestMs;
}

/** Hands tool calls out, and takes their answers to their runs. */
export function startQueueTools(
  context: ConnectionContext,
  client: RedisClient,
  deps: AnswerToolDeps,
): QueueToolDispatcher {
  const { config, closers, logger } = context;
  const { prefix } = config;
  const { maxOutputBytes } = config.tools;
  const queue = openToolQueue(context, client);
  const watcher = new ToolWatcher({
    queue,
    client,
    reader: open(context, 'patient', 'Redis tool answers'),
    prefix,
    maxOutputBytes,
    onAnswer: (answer) => answerTool(deps, answer),
    onError: (error) => logger.warn({ err: error }, 'tool answers'),
  });
  watcher.start();
  closers.add('tool answers', () => watcher.stop());
  const sweep = startHousekeeping(() => removeOldToolJobs(queue), sweepIntervalMs, logger);
  closers.add('tools housekeeping', () => sweep.stop());
  return new QueueToolDispatcher({ queue, client, prefix, maxOutputBytes });
}

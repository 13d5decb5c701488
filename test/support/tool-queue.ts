/** The queue `tools` with its dispatcher, workers and watcher, in this process. */

import { Queue } from 'bullmq';
import { QueueToolDispatcher } from '../../src/adapters/tools/dispatcher.ts';
import { toolKeys, toolsQueue } from '../../src/adapters/tools/keys.ts';
import type { Tool, ToolContext } from '../../src/adapters/tools/tool.ts';
import { ToolsWorker } from '../../src/adapters/tools/tools-worker.ts';
import { ToolWatcher } from '../../src/adapters/tools/watcher.ts';
import { connectRedis, type RedisClient } from '../../src/adapters/redis-sdk/client.ts';
import type { Kept, ToolCallJob, ToolReturn } from '../../src/ports/tool-calls.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { eventually } from './eventually.ts';
import { RecordingTelemetry } from './fakes/telemetry.ts';
import { lastingKeys } from './lasting-keys.ts';

export const maxOutputBytes = 100_000;
const lockDurationMs = 2000;

export class ToolQueue implements AsyncDisposable {
  readonly prefix: string;
  readonly keys: ReturnType<typeof toolKeys>;
  readonly client: RedisClient;
  readonly queue: Queue;
  readonly dispatcher: QueueToolDispatcher;
  readonly telemetry = new RecordingTelemetry();
  /** What was taken to runs, in the order in which it was. */
  readonly answers: ToolReturn[] = [];
  /** How a run takes an answer. */
  onAnswer: (answer: ToolReturn) => Promise<Kept> = () => Promise.resolve('kept');
  private readonly url: string;
  private readonly opened: (() => Promise<unknown>)[] = [];

  constructor(url: string, prefix: string) {
    this.url = url;
    this.prefix = prefix;
    this.keys = toolKeys(prefix);
    this.client = this.connect(url);
    this.queue = new Queue(toolsQueue, { connection: this.client, prefix });
    this.queue.on('error', () => {});
    this.opened.push(() => this.queue.close());
    this.dispatcher = new QueueToolDispatcher({
      queue: this.queue,
      client: this.client,
      prefix,
      maxOutputBytes,
    });
  }

  /** Resolves when nobody has spoken for any call for long: each may be given to others. */
  async allGivenUp(): Promise<void> {
    await eventually(
      'every lock to have run out, and every worker to count as dead',
      async () => [
        ...(await this.client.keys(`${this.prefix}:tools:*:lock`)),
        ...(await this.client.keys(this.keys.workers)),
      ],
      (left) => left.length === 0,
    );
  }

  /** `url`: another way to the same Redis. */
  async serve(tools: Readonly<Record<string, Tool>>, url = this.url): Promise<ToolsWorker> {
    const worker = new ToolsWorker({
      client: this.connect(url),
      subscriber: this.connect(url),
      prefix: this.prefix,
      tools: new Map(Object.entries(tools)),
      concurrency: 20,
      maxOutputBytes,
      clock: systemClock,
      telemetry: this.telemetry,
      lockDurationMs,
    });
    // What these tests wait for most.
    worker.worker.opts.stalledInterval = 200;
    await worker.start();
    this.opened.push(() => worker.stop(100));
    return worker;
  }

  watch(takeOverMs = 200): ToolWatcher {
    const watcher = new ToolWatcher({
      queue: this.queue,
      client: this.client,
      reader: this.connect(this.url),
      prefix: this.prefix,
      maxOutputBytes,
      onAnswer: async (answer) => {
        const kept = await this.onAnswer(answer);
        this.answers.push(answer);
        return kept;
      },
      onError: (error) => this.telemetry.log('warn', 'watcher', { error }),
      takeOverMs,
    });
    watcher.start();
    this.opened.push(() => watcher.stop());
    return watcher;
  }

  /** Names of what is left in Redis of jobs and their locks. */
  /** Not those that, for a while, keep a call from being added again. */
  async jobKeys(runId: string): Promise<string[]> {
    return await lastingKeys(this.client, `${this.prefix}:tools:${runId}*`);
  }

  private connect(url: string): RedisClient {
    const client = connectRedis(url, 'patient');
    client.on('error', () => {});
    this.opened.push(async () => client.disconnect());
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.opened.toReversed()) await close();
  }
}

/** A handler that waits to be let go. */
export function gate() {
  const started: ToolContext[] = [];
  const open = Promise.withResolvers<string>();
  const handler = async (_args: unknown, context: ToolContext): Promise<string> => {
    started.push(context);
    return await open.promise;
  };
  return { tool: { handler }, started, open: (output = 'done') => open.resolve(output) };
}

/** Resolves when so many answers were taken to runs. */
export async function answered(tools: ToolQueue, count = 1) {
  return await eventually(
    `${count} answers`,
    () => tools.answers,
    (seen) => seen.length >= count,
  );
}

export function aToolCall(patch: Partial<ToolCallJob> = {}): ToolCallJob {
  return {
    runId: 'run-1',
    round: 1,
    toolCallId: 'call_1',
    name: 'echo',
    arguments: '{"text":"hi"}',
    deadlineAtMs: Date.now() + 60_000,
    url: null,
    priority: 0,
    label: null,
    metadata: {},
    ...patch,
  };
}

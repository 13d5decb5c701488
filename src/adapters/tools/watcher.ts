import { randomUUID } from 'node:crypto';
import type { Queue } from 'bullmq';
import * as z from 'zod';
import type { Kept, ToolReturn } from '../../ports/tool-calls.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { type ToolKeys, toolKeys } from './keys.ts';
import { readResult } from './returns.ts';

export interface ToolWatcherOptions {
  readonly queue: Queue;
  /** For all but the blocking read. */
  readonly client: RedisClient;
  /** For the blocking read alone. */
  readonly reader: RedisClient;
  readonly prefix: string;
  readonly maxOutputBytes: number;
  /** Takes an answer to its run. One that rejects is given the answer again. */
  readonly onAnswer: (answer: ToolReturn) => Promise<Kept>;
  readonly onError: (error: unknown) => void;
  /** How long an answer may lie with a process that has died; default 10,000. */
  readonly takeOverMs?: number;
}

/** One for the fleet: Redis gives each event to one of its processes, and remembers how far they are. */
const group = 'runfleet';
const batch = 100;
const blockMs = 2000;
const defaultTakeOverMs = 10_000;
const retryMs = 500;
/** A name that nobody has used for so long is of a process that died. */
const forgetReaderMs = 600_000;

const entries = z.array(z.tuple([z.string(), z.array(z.string()).nullable()]));
const streams = z.array(z.tuple([z.string(), entries])).nullable();
const claimed = z.tuple([z.string(), entries]).rest(z.unknown());

type Entry = z.output<typeof entries>[number];

/**
 * Takes the answers of tool calls to their runs, as BullMQ tells of them, whoever served them and in whatever language.
 * What ends while no process watches is told afterwards; what the stream has lost by then, `reconcile` finds.
 */
export class ToolWatcher {
  private readonly options: ToolWatcherOptions;
  private readonly keys: ToolKeys;
  private readonly name = randomUUID();
  private stopping = false;
  private loop: Promise<void> | null = null;
  private tookOverAtMs = 0;

  constructor(options: ToolWatcherOptions) {
    this.options = options;
    this.keys = toolKeys(options.prefix);
  }

  start(): void {
    this.loop ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    // Ends a blocking read at once.
    this.options.reader.disconnect();
    await this.loop;
    await this.leave().catch(this.options.onError);
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      try {
        await this.takeOver();
        await this.handle(await this.read());
      } catch (error) {
        if (this.stopping) return;
        // A new server, or one that has lost its data: begin with what is there.
        if (error instanceof Error && error.message.startsWith('NOGROUP')) await this.join();
        else await this.pause(error);
      }
    }
  }

  private async read(): Promise<readonly Entry[]> {
    const found = await this.options.reader.xreadgroup(
      ...([
        'GROUP',
        group,
        this.name,
        'COUNT',
        batch,
        'BLOCK',
        blockMs,
        'STREAMS',
        this.keys.events,
        '>',
      ] as const),
    );
    return streams.parse(found)?.flatMap(([, read]) => read) ?? [];
  }

  /** What a process that died, or that Redis failed, has left undone. */
  private async takeOver(): Promise<void> {
    const { client, takeOverMs = defaultTakeOverMs } = this.options;
    if (performance.now() - this.tookOverAtMs < takeOverMs) return;
    this.tookOverAtMs = performance.now();
    const found = await client.xautoclaim(
      this.keys.events,
      group,
      this.name,
      takeOverMs,
      '0',
      'COUNT',
      batch,
    );
    await this.handle(claimed.parse(found)[1]);
    await this.forgetReaders();
  }

  private async handle(read: readonly Entry[]): Promise<void> {
    const done = await Promise.all(
      read.map(async (entry) => ((await this.deliver(entry)) ? [entry[0]] : [])),
    );
    const ids = done.flat();
    if (ids.length > 0) await this.options.client.xack(this.keys.events, group, ...ids);
  }

  /** False: to be tried again. */
  private async deliver([, fields]: Entry): Promise<boolean> {
    const id = endedJob(fields ?? []);
    if (id === null) return true;
    const { client, queue, maxOutputBytes, onAnswer, onError } = this.options;
    try {
      const result = await readResult(client, this.keys.job(id), maxOutputBytes);
      if (result === null) return true;
      const kept = result.withdrawn || result.answer === null ? 'not_asked' : await onAnswer(result.answer);
      if (kept === 'not_asked') await queue.remove(id);
      return true;
    } catch (error) {
      onError(error);
      return false;
    }
  }

  private async join(): Promise<void> {
    try {
      await this.options.client.xgroup('CREATE', this.keys.events, group, '0', 'MKSTREAM');
    } catch (error) {
      // Another process was faster.
      if (!(error instanceof Error) || !error.message.startsWith('BUSYGROUP')) await this.pause(error);
    }
  }

  private async leave(): Promise<void> {
    const { client } = this.options;
    const left = await client.xpending(this.keys.events, group, '-', '+', 1, this.name);
    // With its name, what it has not finished would be forgotten.
    if (Array.isArray(left) && left.length === 0)
      await client.xgroup('DELCONSUMER', this.keys.events, group, this.name);
  }

  private async forgetReaders(): Promise<void> {
    const { client } = this.options;
    const readers = z.array(z.array(z.union([z.string(), z.number(), z.null()])));
    for (const reader of readers.parse(await client.xinfo('CONSUMERS', this.keys.events, group))) {
      const field = (name: string): unknown => reader[reader.indexOf(name) + 1];
      if (field('pending') === 0 && Number(field('idle')) > forgetReaderMs)
        await client.xgroup('DELCONSUMER', this.keys.events, group, String(field('name')));
    }
  }

  private async pause(error: unknown): Promise<void> {
    this.options.onError(error);
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

/** The job that has ended, if that is what the event tells. */
function endedJob(fields: readonly string[]): string | null {
  const field = (name: string): string | undefined => {
    for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return fields[at + 1];
    return undefined;
  };
  const event = field('event');
  return event === 'completed' || event === 'failed' ? (field('jobId') ?? null) : null;
}

/** A small fleet whose runs are streamed, step by step. */

import { type Advanced, advance, type AdvanceDeps } from '../../../src/app/advance.ts';
import type { JobDataInput } from '../../../src/domain/wire/job-data.ts';
import { StreamHolder } from '../../../src/app/stream-holder.ts';
import type { StreamEvent } from '../../../src/ports/run-stream.ts';
import { over, running, seconds } from './builders.ts';
import { eventually } from '../eventually.ts';
import { FakeStreamLedger } from './stream-ledger.ts';
import { FakeStreaming } from './streaming.ts';
import { FakeWorld } from './world.ts';

export const text = (seq: number, words: string): StreamEvent => ({ type: 'text', seq, text: words });
export const ended = (seq: number, words: string | null = null, providerRunId = 'prov-1'): StreamEvent => ({
  type: 'ended',
  seq,
  snapshot: over('completed', { providerRunId, output: { text: words, items: [] } }),
});

/** One process of the fleet. */
interface Process {
  readonly holder: StreamHolder;
  readonly deps: AdvanceDeps;
}

export class StreamedWorld extends FakeWorld {
  readonly ledger = new FakeStreamLedger(this.clock);
  readonly streaming = new FakeStreaming(this.responses);
  readonly here: Process;
  private spoken = 0;

  private constructor() {
    super();
    Object.assign(this.responses, { streaming: this.streaming });
    this.responses.script('run-1', running('queued'), over());
    this.here = this.aProcess('here');
  }

  /** With a streamed run that was accepted. */
  static async start(data: Partial<JobDataInput> = {}): Promise<StreamedWorld> {
    const world = new StreamedWorld();
    await world.add('run-1', { follow: 'stream', ...data });
    return world;
  }

  aProcess(readerId: string, limit = 10): Process {
    const { store, clock, telemetry, ledger } = this;
    const options = { ledger, store, clock, telemetry, readerId, limit, idleMs: seconds(60) };
    const holder = new StreamHolder(options);
    return { holder, deps: { ...this.deps, streams: holder } };
  }

  /** The same to every connection, once: each tells the story from its start. */
  sayOnce(...events: readonly StreamEvent[]): Promise<void> {
    for (const connection of this.streaming.connections.slice(this.spoken)) connection.send(...events);
    this.spoken = this.streaming.connections.length;
    return Promise.resolve();
  }

  async take({ deps } = this.here): Promise<Advanced> {
    const advanced = await advance(this.claim(), deps);
    if (advanced.type === 'ended') this.store.finish('run-1');
    return advanced;
  }

  /** Once somebody has woken the run. */
  async takeWhenWoken(process = this.here): Promise<Advanced> {
    await eventually(
      'somebody to wake the run',
      () => this.store.dueAtMs('run-1') ?? Infinity,
      (dueAtMs) => dueAtMs <= this.clock.nowMs(),
    );
    return await this.take(process);
  }

  async takeWhenDue(process = this.here): Promise<Advanced> {
    this.clock.reach(this.store.dueAtMs('run-1') ?? 0);
    return await this.take(process);
  }
}

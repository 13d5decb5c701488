/**
 * The streams of events that this process reads, each for one run.
 *
 * A reader holds a claim in the ledger, which others see; what it reads goes there in pieces. When the stream ends, or
 * breaks, the run is woken: its next activation takes up the end, or opens the stream again, here or elsewhere.
 */

import { isProviderFault } from '../domain/fault.ts';
import type { ProviderSnapshot } from '../domain/snapshot.ts';
import type { Clock } from '../ports/clock.ts';
import type {
  ProviderStream,
  StartedStream,
  StreamedEnd,
  StreamEvent,
  StreamLedger,
  StreamMark,
} from '../ports/run-stream.ts';
import type { RunStore } from '../ports/run-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { heldStream, type HeldStream, noteRead } from './held-stream.ts';

export interface StreamHolderOptions {
  readonly ledger: StreamLedger;
  readonly store: Pick<RunStore, 'wake'>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Unique among all processes of the fleet. */
  readonly readerId: string;
  /** Streams at a time in this process. */
  readonly limit: number;
  /** A stream that says nothing for so long is taken for broken. */
  readonly idleMs: number;
}

interface Started {
  readonly snapshot: ProviderSnapshot;
  /** Null where there is no stream. */
  readonly held: boolean | null;
  /** Where its text begins in the run's output. */
  readonly offset: number;
}

export class StreamHolder {
  private readonly options: StreamHolderOptions;
  private readonly held = new Map<string, HeldStream>();
  private readonly reading = new Set<Promise<void>>();
  /** Runs whose stream is being opened. */
  private readonly opening = new Set<string>();
  private stopping = false;

  constructor(options: StreamHolderOptions) {
    this.options = options;
  }

  get open(): number {
    return this.held.size;
  }

  get ledger(): StreamLedger {
    return this.options.ledger;
  }

  hasRoom(): boolean {
    return !this.stopping && this.held.size + this.opening.size < this.options.limit;
  }

  reads(runId: string): boolean {
    return this.held.has(runId);
  }

  /**
   * Makes the call that starts a run (or, where it has asked for tools, the `next` one of it), and reads its stream from
   * then on. What the call throws comes through. `held` is false when the ledger could not be told, or when another
   * process reads the former one still: then this process hangs up.
   */
  async create(runId: string, which: 'first' | 'next', call: () => Promise<StartedStream>): Promise<Started> {
    return await this.taking(runId, async () => {
      // Not claimed before: nothing may come between a create's intent and the create.
      const { snapshot, stream } = await call();
      // What the former one still said would come between.
      this.drop(runId);
      if (stream === null) return { snapshot, held: null, offset: 0 };
      const mark = await this.claim(runId, which);
      return { snapshot, held: this.start(runId, stream, mark), offset: mark?.offset ?? 0 };
    });
  }

  /** Opens a stream again after what is known of it. Null, and no call, when it is read already, here or elsewhere. */
  async resume(
    runId: string,
    call: (mark: StreamMark) => Promise<ProviderStream>,
  ): Promise<{ readonly held: boolean; readonly seq: number } | null> {
    return await this.taking(runId, async () => {
      // The ledger knows processes, not streams: a second one here would write beside the first.
      if (this.held.has(runId)) return null;
      const mark = await this.claim(runId, 'first');
      if (mark === null) return null;
      try {
        return { held: this.start(runId, await call(mark), mark), seq: mark.seq };
      } catch (error) {
        // Else the run would wait for a reader that there is not, until the claim has run out.
        await this.unclaim(runId, mark);
        throw error;
      }
    });
  }

  /** The run is over for us: its stream interests nobody. */
  drop(runId: string): void {
    const held = this.held.get(runId);
    if (held !== undefined) this.lose(held);
  }

  /** Writes what was read since the last time. Called many times a second: a piece each would be a trip each. */
  async flush(): Promise<void> {
    const due = [...this.held.values()].filter(
      ({ unsaid, saying, leaving }) => unsaid !== '' && !saying && !leaving,
    );
    await Promise.all(due.map((held) => this.write(held)));
  }

  /** Keeps the claims, gives up those that are lost, and hangs up on streams that have fallen silent. */
  async renew(): Promise<void> {
    const { ledger, readerId, clock, idleMs } = this.options;
    const silentSinceMs = clock.nowMs() - idleMs;
    for (const held of this.held.values()) if (held.lastSeenAtMs < silentSinceMs) held.stream.close();
    // A claim that is being given up would be taken anew, after whoever reads on was let in.
    const kept = [...this.held.values()].filter(({ leaving }) => !leaving).map(({ runId }) => runId);
    if (kept.length === 0) return;
    const lost = await ledger.renew(kept, readerId);
    for (const runId of lost) this.drop(runId);
  }

  /** Hangs up, and leaves each run to whoever takes it up next. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const { stream } of this.held.values()) stream.close();
    await Promise.all(this.reading);
  }

  private async claim(runId: string, which: 'first' | 'next'): Promise<StreamMark | null> {
    const { ledger, readerId, telemetry } = this.options;
    try {
      return await (which === 'next' ? ledger.claimNext(runId, readerId) : ledger.claim(runId, readerId));
    } catch (error) {
      telemetry.log('warn', 'A stream could not be claimed', { runId, error });
      return null;
    }
  }

  private async unclaim(runId: string, { seq }: StreamMark): Promise<void> {
    const { ledger, readerId, telemetry } = this.options;
    try {
      await ledger.release(runId, readerId, seq);
    } catch (error) {
      telemetry.log('warn', 'The claim on a stream could not be given up', { runId, error });
    }
  }

  private async taking<T>(runId: string, open: () => Promise<T>): Promise<T> {
    this.opening.add(runId);
    try {
      return await open();
    } finally {
      this.opening.delete(runId);
    }
  }

  private start(runId: string, stream: ProviderStream, mark: StreamMark | null): boolean {
    if (mark === null || this.stopping) {
      stream.close();
      return false;
    }
    const held = heldStream(runId, stream, mark, this.options.clock.nowMs());
    // In one place at a time, or it would take up the room of two.
    this.opening.delete(runId);
    const other = this.held.get(runId);
    if (other !== undefined) this.lose(other);
    this.held.set(runId, held);
    const reading = this.read(held);
    this.reading.add(reading);
    void reading.finally(() => this.reading.delete(reading));
    return true;
  }

  /** Never rejects. */
  private async read(held: HeldStream): Promise<void> {
    const { telemetry } = this.options;
    const { runId } = held;
    let end: StreamedEnd | null = null;
    try {
      for await (const event of held.stream) {
        if (held.lost) break;
        end = this.take(held, event);
        if (end !== null) break;
      }
    } catch (error) {
      // A broken connection is the ordinary end of many; anything else is ours.
      const level = isProviderFault(error) ? 'debug' : 'error';
      telemetry.log(level, 'A stream broke', { runId, error });
    }
    held.stream.close();
    try {
      await this.leave(held, end);
    } catch (error) {
      // The claim expires, and whoever takes the run up then opens the stream again where the ledger ends.
      telemetry.log('warn', 'What a stream told could not be kept', { runId, error });
    }
    if (this.held.get(runId) === held) this.held.delete(runId);
  }

  private take(held: HeldStream, event: StreamEvent): StreamedEnd | null {
    const lastSeenAtMs = held.lastSeenAtMs;
    held.lastSeenAtMs = this.options.clock.nowMs();
    // Told before the stream was opened again.
    if (event.seq <= held.seq) return null;
    noteRead(held, event);
    if (event.type === 'status') this.tellStatus(held, event.status);
    return event.type === 'ended' ? { snapshot: event.snapshot, lastSeenAtMs } : null;
  }

  private tellStatus(held: HeldStream, status: Extract<StreamEvent, { type: 'status' }>['status']): void {
    // Its create was answered with `queued` or sooner: only what comes after is news.
    if (status === 'queued') return;
    const { ledger, store, readerId } = this.options;
    const { runId } = held;
    held.writing = this.inTurn(held, 'A status of a stream was not told', async () => {
      if (await ledger.setStatus(runId, readerId, status)) await store.wake(runId, 'stream');
      else this.lose(held);
    });
  }

  private async leave(held: HeldStream, end: StreamedEnd | null): Promise<void> {
    const { ledger, store, readerId, telemetry } = this.options;
    held.leaving = true;
    await held.writing;
    while (held.unsaid !== '' && !held.lost) await this.append(held);
    if (held.lost) {
      telemetry.streamed('lost');
      return;
    }
    if (end === null) await ledger.release(held.runId, readerId, held.seq);
    else if (!(await ledger.finish(held.runId, readerId, end))) return;
    telemetry.streamed(end === null ? 'broken' : 'ended');
    // Not one of ours any more, when the run is taken up.
    this.held.delete(held.runId);
    const isOpen = await store.wake(held.runId, 'stream');
    // Read on by a process that was frozen when the run ended: nobody will take this up.
    if (!isOpen) await ledger.forget(held.runId);
  }

  private async write(held: HeldStream): Promise<void> {
    held.saying = true;
    // What fails stays unsaid until the next time.
    held.writing = this.inTurn(held, 'A piece of a stream was not kept yet', async () => {
      if (held.unsaid !== '' && !held.lost) await this.append(held);
    });
    await held.writing;
    held.saying = false;
  }

  /** After what is being written for this run. Never rejects. */
  private async inTurn(
    { writing, runId }: HeldStream,
    failure: string,
    work: () => Promise<void>,
  ): Promise<void> {
    await writing;
    try {
      await work();
    } catch (error) {
      this.options.telemetry.log('warn', failure, { runId, error });
    }
  }

  private async append(held: HeldStream): Promise<void> {
    const { ledger, readerId } = this.options;
    const { unsaid: text, seq } = held;
    const end = held.offset + text.length;
    if (!(await ledger.append(held.runId, readerId, { end, text }, seq))) {
      this.lose(held);
      return;
    }
    held.offset = end;
    held.unsaid = held.unsaid.slice(text.length);
  }

  private lose(held: HeldStream): void {
    held.lost = true;
    held.stream.close();
    if (this.held.get(held.runId) === held) this.held.delete(held.runId);
  }
}

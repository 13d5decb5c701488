import type { RunningStatus } from '../../../src/domain/status.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type {
  OutputFeed,
  OutputListener,
  OutputPiece,
  StreamedEnd,
  StreamLedger,
  StreamLedgerView,
  StreamMark,
} from '../../../src/ports/run-stream.ts';

interface Entry {
  reader: string | null;
  untilMs: number;
  status: RunningStatus | null;
  seq: number;
  end: StreamedEnd | null;
  readonly pieces: (OutputPiece & { readonly seq: number })[];
}

const claimMs = 10_000;
const nobody = 'nobody';

function free(entry: Entry): void {
  entry.reader = null;
  entry.status = null;
}

/** Both sides of a stream in one memory. */
export class FakeStreamLedger implements StreamLedger, OutputFeed {
  /** Set: everything rejects with it, as while Redis is away. */
  failure: Error | null = null;
  private readonly clock: Clock;
  private readonly runs = new Map<string, Entry>();
  private readonly listeners = new Map<string, Set<{ readonly listener: OutputListener }>>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  async claim(runId: string, readerId: string): Promise<StreamMark | null> {
    const entry = await this.entry(runId);
    if (this.readerOf(entry) !== null && entry.reader !== readerId) return null;
    this.keep(entry, readerId);
    const last = entry.pieces.at(-1);
    return { seq: Math.max(last?.seq ?? -1, entry.seq), offset: last?.end ?? 0 };
  }

  async claimNext(runId: string, readerId: string): Promise<StreamMark | null> {
    const mark = await this.claim(runId, readerId);
    if (mark === null) return null;
    const entry = await this.entry(runId);
    Object.assign(entry, { seq: -1, status: null });
    // Whoever reads on begins with the events of this one.
    entry.pieces.push({ end: mark.offset, text: '', seq: -1 });
    return { ...mark, seq: -1 };
  }

  async renew(runIds: readonly string[], readerId: string): Promise<readonly string[]> {
    const lost: string[] = [];
    for (const runId of runIds) {
      const entry = await this.entry(runId);
      const reader = this.readerOf(entry);
      if (reader === null || reader === readerId) this.keep(entry, readerId);
      else lost.push(runId);
    }
    return lost;
  }

  async release(runId: string, readerId: string, seq: number): Promise<void> {
    const entry = await this.entry(runId);
    if (this.isLost(entry, readerId)) return;
    free(entry);
    entry.seq = seq;
  }

  async append(runId: string, readerId: string, piece: OutputPiece, seq: number): Promise<boolean> {
    const entry = await this.entry(runId);
    if (this.isLost(entry, readerId)) return false;
    if (piece.end <= (entry.pieces.at(-1)?.end ?? 0)) return true;
    entry.pieces.push({ ...piece, seq });
    for (const { listener } of this.listeners.get(runId) ?? []) listener.onPiece(piece);
    return true;
  }

  async setStatus(runId: string, readerId: string, status: RunningStatus): Promise<boolean> {
    const entry = await this.entry(runId);
    if (this.isLost(entry, readerId)) return false;
    entry.status = status;
    return true;
  }

  async finish(runId: string, readerId: string, end: StreamedEnd): Promise<boolean> {
    const entry = await this.entry(runId);
    if (this.isLost(entry, readerId)) return false;
    entry.end = structuredClone(end);
    free(entry);
    return true;
  }

  async view(runId: string): Promise<StreamLedgerView> {
    const entry = await this.entry(runId);
    const reader = this.readerOf(entry);
    const held = reader !== null && reader !== nobody;
    return { held, status: held ? entry.status : null, end: structuredClone(entry.end) };
  }

  async forget(runId: string): Promise<void> {
    const entry = await this.entry(runId);
    entry.status = null;
    this.keep(entry, nobody);
    entry.end = null;
  }

  async read(runId: string, offset: number): Promise<readonly OutputPiece[]> {
    const { pieces } = await this.entry(runId);
    return pieces.filter(({ end }) => end > offset).map(({ end, text }) => ({ end, text }));
  }

  subscribe(runId: string, listener: OutputListener): () => void {
    const entry = { listener };
    const group = this.listeners.get(runId) ?? new Set();
    this.listeners.set(runId, group.add(entry));
    // As over a network: what was published before the subscription was confirmed is in what is kept.
    queueMicrotask(() => listener.onGap());
    return () => {
      group.delete(entry);
    };
  }

  /** The connection was lost for a while: everybody is told. */
  gap(): void {
    for (const group of this.listeners.values()) for (const { listener } of group) listener.onGap();
  }

  listenerCount(runId: string): number {
    return this.listeners.get(runId)?.size ?? 0;
  }

  textOf(runId: string): string {
    return (this.runs.get(runId)?.pieces ?? []).map(({ text }) => text).join('');
  }

  private readerOf(entry: Entry): string | null {
    return entry.untilMs > this.clock.nowMs() ? entry.reader : null;
  }

  /** It is another's now; one that ran out, and that nobody has taken, is kept by writing. */
  private isLost(entry: Entry, readerId: string): boolean {
    const reader = this.readerOf(entry);
    if (reader === null) this.keep(entry, readerId);
    return reader !== null && reader !== readerId;
  }

  private keep(entry: Entry, readerId: string): void {
    entry.reader = readerId;
    entry.untilMs = this.clock.nowMs() + claimMs;
  }

  private async entry(runId: string): Promise<Entry> {
    await Promise.resolve();
    if (this.failure !== null) throw this.failure;
    const fresh = { reader: null, untilMs: 0, status: null, seq: -1, end: null, pieces: [] };
    const entry = this.runs.get(runId) ?? fresh;
    this.runs.set(runId, entry);
    return entry;
  }
}

import type { OutputFeed, OutputPiece } from '../ports/run-stream.ts';

/** Characters that may wait for a slow reader; beyond them it reads what is kept, once it is back. */
const mostWaiting = 65_536;

/** The output of one run for one subscriber: each character once, in order, from a given one on. */
export class OutputReader {
  /** All before it has been given. */
  offset: number;
  private readonly feed: OutputFeed;
  private readonly runId: string;
  private readonly unsubscribe: () => void;
  private waiting: OutputPiece[] = [];
  private waitingLength = 0;
  /** Something may have been missed: what is kept knows better. */
  private behind = true;

  constructor(feed: OutputFeed, runId: string, offset: number, onNews: () => void) {
    this.feed = feed;
    this.runId = runId;
    this.offset = offset;
    // Heard from now on, read later: what comes in between is heard.
    this.unsubscribe = feed.subscribe(runId, {
      onPiece: (piece) => {
        this.add(piece);
        onNews();
      },
      onGap: () => {
        this.catchUp();
        onNews();
      },
    });
  }

  close(): void {
    this.unsubscribe();
  }

  /** The next `take` reads what is kept. */
  catchUp(): void {
    this.behind = true;
    this.waiting = [];
    this.waitingLength = 0;
  }

  /** What is new. */
  async *take(): AsyncGenerator<string, void, undefined> {
    for (;;) {
      const kept = this.behind ? await this.read() : null;
      const text = this.join(kept ?? this.takeWaiting(), kept === null);
      if (text !== '') yield text;
      else if (!this.behind && this.waiting.length === 0) return;
    }
  }

  private async read(): Promise<readonly OutputPiece[]> {
    this.behind = false;
    const pieces = await this.feed.read(this.runId, this.offset);
    // There may be more.
    if (pieces.length > 0) this.behind = true;
    return pieces;
  }

  private add(piece: OutputPiece): void {
    if (this.behind) return;
    this.waiting.push(piece);
    this.waitingLength += piece.text.length;
    if (this.waitingLength > mostWaiting) this.catchUp();
  }

  private takeWaiting(): readonly OutputPiece[] {
    const pieces = this.waiting;
    this.waiting = [];
    this.waitingLength = 0;
    return pieces;
  }

  /** `heard`: a gap between them is one of our hearing, and not of what is kept. */
  private join(pieces: readonly OutputPiece[], heard: boolean): string {
    let text = '';
    for (const piece of pieces) {
      if (piece.end <= this.offset) continue;
      const start = piece.end - piece.text.length;
      if (heard && start > this.offset) {
        this.catchUp();
        break;
      }
      text += piece.text.slice(Math.max(0, this.offset - start));
      this.offset = piece.end;
    }
    return text;
  }
}

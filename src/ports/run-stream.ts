/** A run's events as its provider tells them, and what the fleet keeps of them while one process reads them. */

import type { EndedSnapshot, ProviderRef, ProviderSnapshot } from '../domain/snapshot.ts';
import type { RunningStatus } from '../domain/status.ts';
import type { ProviderRequest, ToolSubmission } from './run-provider.ts';

/** `seq`: the provider's number of the event; the stream can be opened again after it. */
export type StreamEvent =
  | { readonly type: 'text'; readonly seq: number; readonly text: string }
  | { readonly type: 'status'; readonly seq: number; readonly status: RunningStatus }
  | { readonly type: 'ended'; readonly seq: number; readonly snapshot: EndedSnapshot }
  /** A sign of life. */
  | { readonly type: 'other'; readonly seq: number };

/** An open connection. Iterating ends when it does, and throws a `ProviderFault` when it breaks. Read it once. */
export interface ProviderStream extends AsyncIterable<StreamEvent> {
  /** Hangs up. May be called at any time, and twice. */
  close(): void;
}

/** A run that was just created, by its first event. */
export interface StartedStream {
  readonly snapshot: ProviderSnapshot;
  /** Null: the provider answered in one piece, as to a create that asks for no stream. */
  readonly stream: ProviderStream | null;
}

/** What a provider that streams can do beside looking. Each is one API call; all fail with a `ProviderFault` alone. */
export interface StreamingProvider {
  /** Starts a run. Resolves with its first event; a connection that breaks before it leaves the create unclear. */
  create(request: ProviderRequest, runId: string): Promise<StartedStream>;
  /** The same for the run that goes on where another one asked for tools. */
  submit(answers: ToolSubmission): Promise<StartedStream>;
  /** Its events after `afterSeq`. Resolves once they are on their way; an answer without any is a refusal. */
  resume(ref: ProviderRef, afterSeq: number): Promise<ProviderStream>;
}

/** A piece of a run's output: it ends at character `end` of the whole. */
export interface OutputPiece {
  readonly end: number;
  readonly text: string;
}

/** Where the reading of a stream stands: all up to event `seq`, which are `offset` characters of output. */
export interface StreamMark {
  readonly seq: number;
  readonly offset: number;
}

/** How a streamed run ended, kept until an activation of the run takes it up. */
export interface StreamedEnd {
  readonly snapshot: EndedSnapshot;
  readonly lastSeenAtMs: number;
}

/**
 * Who reads which stream, and what came of it. One reader a run: a claim that is not renewed passes on to the next, and
 * what a reader writes after that is refused; as long as nobody has asked for it, its reader has it by writing. Fails closed: rejects while Redis is unreachable.
 */
export interface StreamLedger {
  /** Becomes the reader. Where reading goes on; null while another one reads. */
  claim(runId: string, readerId: string): Promise<StreamMark | null>;
  /**
   * The same for a run that has gone on as another one at its provider: the text so far stays before what it adds, its
   * events are counted from the first.
   */
  claimNext(runId: string, readerId: string): Promise<StreamMark | null>;
  /**
   * Keeps the claims for another while, those too that ran out and that nobody has taken. Returns those of these runs
   * that are lost.
   */
  renew(runIds: readonly string[], readerId: string): Promise<readonly string[]>;
  /** Gives up the claim: all up to event `seq` has been read. */
  release(runId: string, readerId: string, seq: number): Promise<void>;
  /**
   * Adds to the run's output, and tells its subscribers; what is there already stays (the reply to the first write was
   * lost). False: the claim is another's now.
   */
  append(runId: string, readerId: string, piece: OutputPiece, seq: number): Promise<boolean>;
  setStatus(runId: string, readerId: string, status: RunningStatus): Promise<boolean>;
  /** Keeps how the run ended, and gives up the claim. False: it is another's now. */
  finish(runId: string, readerId: string, end: StreamedEnd): Promise<boolean>;
  view(runId: string): Promise<StreamLedgerView>;
  /** The run has ended: nobody may read on. Its output stays for a while, for those who are still behind. */
  forget(runId: string): Promise<void>;
}

export interface StreamLedgerView {
  readonly held: boolean;
  readonly status: RunningStatus | null;
  readonly end: StreamedEnd | null;
}

/** The output of streamed runs, for subscribers in any process. */
export interface OutputFeed {
  /** What lies after character `offset`, as far as it is kept. */
  read(runId: string, offset: number): Promise<readonly OutputPiece[]>;
  /** Calls the listener until the returned function is called. A piece may be missed with a lost connection. */
  subscribe(runId: string, listener: OutputListener): () => void;
}

export interface OutputListener {
  onPiece(piece: OutputPiece): void;
  /** Some may have been missed. */
  onGap(): void;
}

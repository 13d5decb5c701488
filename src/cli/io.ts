/** What a command may touch of the process around it, so that tests run it in their own. */

import type { Readable, Writable } from 'node:stream';

export type StopSignal = 'SIGINT' | 'SIGTERM';

export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  /** Data only: what a script reads. */
  readonly stdout: Writable;
  /** Everything that is said to people. */
  readonly stderr: Writable;
  readonly isTTY: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  /** Of the terminal. */
  readonly columns: number;
  /** Wall clock, milliseconds since the epoch. */
  nowMs(): number;
  /** Calls `listener` at each signal, instead of dying of it, until the returned function is called. */
  onStopSignal(listener: (signal: StopSignal) => void): () => void;
}

export const exitCodes = {
  ok: 0,
  /** Wrong use, a refusal, no connection. */
  failed: 1,
  /** The run ended, but not `completed`. */
  otherEnding: 2,
  /** As `timeout(1)` has it. */
  waitTimedOut: 124,
  SIGINT: 130,
  SIGTERM: 143,
} as const;

/** Something the user can put right: `message` says what is wrong and what to do. */
export class UserError extends Error {
  override readonly name = 'UserError';
}

/** Ctrl-C, or a polite request to stop. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  readonly signal: StopSignal;

  constructor(signal: StopSignal) {
    super(`Stopped by ${signal}`);
    this.signal = signal;
  }
}

/** Whoever read our output has had enough, as in `runfleet list --all | head`. */
export class OutputClosedError extends Error {
  override readonly name = 'OutputClosedError';
}

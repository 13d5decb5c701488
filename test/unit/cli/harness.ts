/** Runs the command line in this process, and keeps what it says. */

import { PassThrough, Readable, Writable } from 'node:stream';
import type { CliDeps } from '../../../src/cli/context.ts';
import type { CliIo, StopSignal } from '../../../src/cli/io.ts';
import { main } from '../../../src/cli/main.ts';
import { FakeTiming } from '../client/stub.ts';

export interface Given {
  readonly env?: Record<string, string>;
  /** Text, or null for an input that never ends. */
  readonly stdin?: string | null;
  /** Whether both outputs are terminals. */
  readonly tty?: boolean;
  readonly deps?: Partial<CliDeps>;
  /** So many writes to stdout go well; then its reader is gone. */
  readonly stdoutClosesAfter?: number;
}

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Session {
  readonly result: Promise<Result>;
  /** As Ctrl-C does. */
  signal(signal: StopSignal): void;
  /** Resolves once stdout holds this. */
  shown(text: string): Promise<void>;
}

class Sink extends Writable {
  text = '';
  private left: number;
  private readonly onWrite: () => void;

  constructor(left: number, onWrite: () => void = () => undefined) {
    super();
    this.left = left;
    this.onWrite = onWrite;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.left -= 1;
    if (this.left < 0) {
      callback(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      return;
    }
    this.text += chunk.toString();
    this.onWrite();
    callback();
  }
}

export const unusedDeps: CliDeps = {
  startProcess: () => Promise.reject(new Error('No process is expected here.')),
  startSimulator: () => Promise.reject(new Error('No simulator is expected here.')),
  connectRedis: () => Promise.reject(new Error('No Redis is expected here.')),
};

export function start(argv: readonly string[], given: Given = {}): Session {
  const tty = given.tty ?? false;
  const watchers = new Set<() => void>();
  const stdout = new Sink(given.stdoutClosesAfter ?? Infinity, () => {
    for (const watcher of watchers) watcher();
  });
  const stderr = new Sink(Infinity);
  const listeners = new Set<(signal: StopSignal) => void>();
  const io: CliIo = {
    env: given.env ?? {},
    stdin: given.stdin === null ? new PassThrough() : Readable.from([given.stdin ?? '']),
    stdout,
    stderr,
    isTTY: { stdin: false, stdout: tty, stderr: tty },
    columns: 100,
    nowMs: () => Date.parse('2026-11-20T04:00:10Z'),
    onStopSignal(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const deps = { ...unusedDeps, clientTiming: new FakeTiming(), ...given.deps };
  const finish = async (): Promise<Result> => {
    const code = await main(argv, io, deps);
    if (listeners.size > 0) throw new Error('A signal handler was left behind.');
    return { code, stdout: stdout.text, stderr: stderr.text };
  };
  return {
    result: finish(),
    signal: (signal) => {
      if (listeners.size === 0) throw new Error('Nobody listens for signals.');
      for (const listener of listeners) listener(signal);
    },
    shown: (text) =>
      new Promise((resolve) => {
        const watcher = (): void => {
          if (!stdout.text.includes(text)) return;
          watchers.delete(watcher);
          resolve();
        };
        watchers.add(watcher);
        watcher();
      }),
  };
}

export async function run(argv: readonly string[], given: Given = {}): Promise<Result> {
  return start(argv, given).result;
}

export function jsonLines(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}

export const escapeCharacter = '\u001B';

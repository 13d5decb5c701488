import type { Writable } from 'node:stream';
import { stripVTControlCharacters, styleText } from 'node:util';
import { OutputClosedError } from './io.ts';
import type { CliIo } from './io.ts';

export type Style = 'green' | 'red' | 'yellow' | 'cyan' | 'dim' | 'bold';
export type Paint = (style: Style, text: string) => string;

/**
 * stdout carries data, stderr everything else. Secrets never pass: messages go through `redact`.
 * A closed stdout is no error: `closed` aborts, and commands stop.
 */
export class Output {
  readonly closed: AbortSignal;
  readonly #io: CliIo;
  readonly #redact: (text: string) => string;
  readonly #closed = new AbortController();
  #progressShown = false;

  constructor(io: CliIo, redact: (text: string) => string) {
    this.#io = io;
    this.#redact = redact;
    this.closed = this.#closed.signal;
  }

  /** Takes the errors of the two streams until the returned function is called. */
  attach(): () => void {
    const { stdout, stderr } = this.#io;
    const onStdout = (): void => this.#closed.abort(new OutputClosedError('The output was closed'));
    stdout.on('error', onStdout);
    stderr.on('error', ignore);
    return () => {
      stdout.off('error', onStdout);
      stderr.off('error', ignore);
    };
  }

  /** Colours for stdout, where it is a terminal that wants them. */
  get paint(): Paint {
    return this.#paintFor(this.#io.isTTY.stdout);
  }

  get paintMessage(): Paint {
    return this.#paintFor(this.#io.isTTY.stderr);
  }

  /** Text for people, on stdout. What others wrote cannot steer the terminal: pass it through `printable` first. */
  line(text: string): void {
    this.#clearProgress();
    write(this.#io.stdout, `${text}\n`);
  }

  /** A piece of a text that goes on, on stdout. */
  text(piece: string): void {
    this.#clearProgress();
    write(this.#io.stdout, piece);
  }

  /** One JSON value, on one line. */
  json(value: unknown): void {
    this.line(JSON.stringify(value));
  }

  /** A message, on stderr. */
  message(text: string): void {
    this.#clearProgress();
    write(this.#io.stderr, `${this.#redact(text)}\n`);
  }

  /** One line that is overwritten by the next. Only where somebody watches. */
  progress(text: string): void {
    if (!this.#io.isTTY.stderr) return;
    const line = this.#redact(text).slice(0, Math.max(20, this.#io.columns - 1));
    write(this.#io.stderr, `\r\u001B[2K${line}`);
    this.#progressShown = true;
  }

  endProgress(): void {
    this.#clearProgress();
  }

  #clearProgress(): void {
    if (!this.#progressShown) return;
    this.#progressShown = false;
    write(this.#io.stderr, '\r\u001B[2K');
  }

  #paintFor(isTTY: boolean): Paint {
    const { env } = this.#io;
    const coloured = isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
    return coloured
      ? (style, text) => styleText(style, text, { validateStream: false })
      : (_style, text) => text;
  }
}

/** For errors that leave nobody to tell. */
function ignore(): void {}

function write(stream: Writable, text: string): void {
  if (!stream.destroyed && stream.writable) stream.write(text);
}

/** What a model or another person wrote, without the characters that would steer a terminal. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- those are what this is about
  return stripVTControlCharacters(text).replace(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, '');
}

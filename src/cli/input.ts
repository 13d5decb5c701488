/** Where text comes from: the command line, `@file`, or `-` for standard input. */

import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { UserError } from './io.ts';
import type { CliIo } from './io.ts';

const byteOrderMark = '\uFEFF';

export async function readAll(io: CliIo, signal: AbortSignal): Promise<string> {
  const lines: string[] = [];
  for await (const { text } of readLines(io, '-', signal)) lines.push(text);
  return lines.join('\n');
}

/** `@file`, `-`, or the text itself. */
export async function readArgument(io: CliIo, argument: string, signal: AbortSignal): Promise<string> {
  if (argument === '-') return readAll(io, signal);
  if (!argument.startsWith('@')) return argument;
  try {
    return (await readFile(argument.slice(1), { encoding: 'utf8', signal })).replace(byteOrderMark, '');
  } catch (error) {
    signal.throwIfAborted();
    throw unreadable(argument.slice(1), error);
  }
}

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** The lines of a file, or of standard input for `-`. Never holds more than a line. */
export async function* readLines(io: CliIo, path: string, signal: AbortSignal): AsyncGenerator<Line> {
  const input = path === '-' ? io.stdin : await openFile(path);
  const lines = createInterface({ input, crlfDelay: Infinity, signal });
  let number = 0;
  try {
    for await (const text of lines) {
      number += 1;
      yield { number, text: number === 1 ? text.replace(byteOrderMark, '') : text };
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof Error && 'syscall' in error ? unreadable(path, error) : error;
  }
  signal.throwIfAborted();
}

async function openFile(path: string): Promise<NodeJS.ReadableStream> {
  try {
    const handle = await open(path);
    return createReadStream(path, { fd: handle, encoding: 'utf8' });
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): UserError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  const why = { ENOENT: 'there is no such file', EISDIR: 'it is a folder', EACCES: 'permission denied' }[
    code
  ];
  return new UserError(`Cannot read ${path}: ${why ?? code}.`, { cause });
}

/** Reads a JSON body: one that is too large, too deep, not UTF-8 or not JSON goes no further. */

import { createHash } from 'node:crypto';
import express, { type Request, type RequestHandler } from 'express';
import { ProblemError } from './problems.ts';

/** Nothing sensible is deeper, and what recurses over a body (zod, JSON.stringify) has a stack to lose. */
const maxDepth = 64;

const bodies = new WeakMap<Request, unknown>();

export function bodyOf(req: Request): unknown {
  return bodies.get(req);
}

export function jsonBody(limitBytes: number): RequestHandler[] {
  // `raw`, because express.json knows no strict UTF-8, and answers for itself.
  const read = express.raw({ type: () => true, limit: limitBytes });
  return [
    (req, _res, next) => {
      requireJsonType(req);
      next();
    },
    read,
    (req, _res, next) => {
      bodies.set(req, parseJson(req.body));
      next();
    },
  ];
}

function requireJsonType(req: Request): void {
  const header = req.get('content-type') ?? '';
  const [type = '', ...parameters] = header.split(';').map((part) => part.trim().toLowerCase());
  if (!/^application\/(?:[\w.+-]+\+)?json$/.test(type)) {
    throw new ProblemError('unsupported-type', { detail: 'Send Content-Type: application/json.' });
  }
  const charset = parameters.find((parameter) => parameter.startsWith('charset='));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) {
    throw new ProblemError('unsupported-type', { detail: 'JSON is sent in UTF-8.' });
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

export function parseJson(bytes: unknown): unknown {
  // Without a body, the parser leaves no buffer.
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) throw invalid('The body is empty.');
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw invalid('The body is not valid UTF-8.');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // V8 quotes the body in its message; a place is enough, and safe to log.
    const position = /at position \d+(?: \(line \d+ column \d+\))?/.exec(String(error))?.[0];
    throw invalid(position === undefined ? 'The body is not JSON.' : `The body is not JSON, ${position}.`);
  }
  if (isDeeperThan(value, maxDepth)) throw invalid(`The body is nested more than ${maxDepth} levels deep.`);
  // Written out again, they would be `null`.
  for (const level of levelsOf(value))
    if (level.some((item) => item === Infinity || item === -Infinity))
      throw invalid('The body has a number that is too large, such as 1e400.');
  return value;
}

function invalid(detail: string): ProblemError {
  return new ProblemError('invalid-json', { detail });
}

export function isDeeperThan(value: unknown, levels: number): boolean {
  let depth = 0;
  for (const level of levelsOf(value)) {
    if (!level.some(isObject)) return false;
    depth += 1;
    if (depth > levels) return true;
  }
  return false;
}

/** Level by level, with a list of its own: a million brackets must not end the process. */
function* levelsOf(value: unknown): Generator<readonly unknown[]> {
  for (let level: readonly unknown[] = [value]; level.length > 0;) {
    yield level;
    level = level.filter(isObject).flatMap((container): unknown[] => Object.values(container));
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** The same for bodies that mean the same: white space and the order of keys make no difference. */
export function bodyHash(body: unknown): string {
  return createHash('sha256').update(canonicalJson(body)).digest('hex');
}

/** Recursion is safe: the depth was checked. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`);
  return `{${members.join(',')}}`;
}

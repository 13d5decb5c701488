/** Requests as a caller sends them who looks at the answer as it is. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { RunInput } from '../../src/client/index.ts';

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly type: string | null;
  readonly text: string;
  readonly tookMs: number;
}

export interface Caller {
  readonly apiUrl: string;
  readonly apiKey?: string;
}

export async function knock(
  { apiUrl, apiKey }: Caller,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const startedAtMs = performance.now();
  const answer = await fetch(`${apiUrl}${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    retryAfter: answer.headers.get('retry-after'),
    type: answer.headers.get('content-type'),
    text,
    tookMs: performance.now() - startedAtMs,
  };
}

/** Nothing was accepted, the caller knows when to come back, and was not kept waiting. */
export function expectRefused(answer: Answer): void {
  expect(answer).toMatchObject({ status: 503, type: expect.stringContaining('application/problem+json') });
  expect(Number(answer.retryAfter)).toBeGreaterThan(0);
  expect(answer.tookMs).toBeLessThan(10_000);
}

/** Sends a run until it is taken, as a careful caller does. Resolves with its id; every answer is added to `answers`. */
export async function sendUntilTaken(
  caller: Caller,
  input: RunInput,
  key: string,
  answers: Answer[] = [],
): Promise<string> {
  for (;;) {
    const answer = await knock(caller, 'POST', '/v1/runs', input, { 'idempotency-key': key });
    answers.push(answer);
    if (answer.status === 202 || answer.status === 200) return String(JSON.parse(answer.text).id);
    expectRefused(answer);
    await sleep(Number(answer.retryAfter) * 1000);
  }
}

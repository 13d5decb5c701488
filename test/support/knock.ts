/** Requests as a caller sends them who looks at the answer's head alone. */

import { expect } from 'vitest';

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly type: string | null;
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
  await answer.text();
  return {
    status: answer.status,
    retryAfter: answer.headers.get('retry-after'),
    type: answer.headers.get('content-type'),
    tookMs: performance.now() - startedAtMs,
  };
}

/** Nothing was accepted, the caller knows when to come back, and was not kept waiting. */
export function expectRefused(answer: Answer): void {
  expect(answer).toMatchObject({ status: 503, type: expect.stringContaining('application/problem+json') });
  expect(Number(answer.retryAfter)).toBeGreaterThan(0);
  expect(answer.tookMs).toBeLessThan(10_000);
}

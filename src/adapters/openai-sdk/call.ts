import { APIError, type APIPromise } from 'openai';
import * as z from 'zod';
import { ProviderFault } from '../../domain/fault.ts';
import type { OpenAiClient } from './client.ts';
import { faultOf } from './faults.ts';

export interface Answer<T> {
  readonly data: T;
  /** The provider's lower bound for the next look; null without one. */
  readonly pollAfterMs: number | null;
}

/** A code is a word; what is longer is some server's text. */
const maxCodeLength = 100;

/** Makes one call and checks the answer. Throws a `ProviderFault` and nothing else. */
export async function callApi<T>(
  client: OpenAiClient,
  call: () => APIPromise<unknown>,
  schema: z.ZodType<T>,
): Promise<Answer<T>> {
  let answer: { data: unknown; response: Response };
  try {
    answer = await call().withResponse();
    client.onAnswer(answer.response.status, answer.response.headers);
  } catch (error) {
    const fault = faultOf(error);
    client.onAnswer(fault.httpStatus, error instanceof APIError ? (error.headers ?? null) : null);
    // Not as its cause: the SDK's error holds the request, and would carry the prompt into a log.
    const code = client.redact(fault.code).slice(0, maxCodeLength);
    throw new ProviderFault({ ...fault, code, message: client.redact(fault.message) });
  }
  const parsed = schema.safeParse(answer.data);
  if (parsed.success) return { data: parsed.data, pollAfterMs: pollAfterMs(answer.response.headers) };
  throw new ProviderFault({
    type: 'unclear',
    code: 'invalid_answer',
    message: `The provider's answer is not what its API promises: ${z.prettifyError(parsed.error)}`.slice(
      0,
      500,
    ),
    httpStatus: answer.response.status,
    retryAfterMs: null,
  });
}

function pollAfterMs(headers: Headers): number | null {
  const value = Number(headers.get('openai-poll-after-ms') ?? Number.NaN);
  return Number.isFinite(value) && value >= 0 ? value : null;
}

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
  const answer = await answerOf(client, call);
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

/** The answer as it came, not yet looked at. Throws a `ProviderFault` and nothing else. */
export async function answerOf<T>(
  client: OpenAiClient,
  call: () => APIPromise<T>,
): Promise<{ data: T; response: Response }> {
  try {
    const answer = await call().withResponse();
    client.onAnswer(answer.response.status, answer.response.headers);
    return answer;
  } catch (error) {
    const fault = redactedFault(client, error);
    client.onAnswer(fault.details.httpStatus, error instanceof APIError ? (error.headers ?? null) : null);
    throw fault;
  }
}

/** Not with the error as its cause: the SDK's holds the request, and would carry the prompt into a log. */
export function redactedFault(client: OpenAiClient, error: unknown): ProviderFault {
  const fault = faultOf(error);
  const code = client.redact(fault.code).slice(0, maxCodeLength);
  return new ProviderFault({ ...fault, code, message: client.redact(fault.message) });
}

/** A hint for the next look, not for the rest of its life. */
const mostPollAfterMs = 300_000;

function pollAfterMs(headers: Headers): number | null {
  const value = Number(headers.get('openai-poll-after-ms') ?? Number.NaN);
  return Number.isFinite(value) && value >= 0 ? Math.min(value, mostPollAfterMs) : null;
}

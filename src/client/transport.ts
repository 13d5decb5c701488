/** One HTTP exchange with the server, repeated where that is safe. */

import {
  apiError,
  RunfleetApiError,
  RunfleetConnectionError,
  RunfleetUnexpectedAnswerError,
  RunfleetUsageError,
} from './errors.ts';
import { parseProblem } from './parse.ts';
import {
  isNeverSent,
  networkCode,
  parseRetryAfter,
  realTiming,
  reasonOf,
  refusedStatuses,
  retryableStatuses,
  retryDelayMs,
  unknownAcceptance,
} from './retry.ts';
import type { Timing } from './retry.ts';

export interface RunfleetClientOptions {
  /** Where the fleet's API listens. Default `http://127.0.0.1:3000`. */
  readonly baseUrl?: string | undefined;
  /** One of the server's `RUNFLEET_API_KEYS`. */
  readonly apiKey?: string | undefined;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** How long one attempt may take, in milliseconds; a long poll's own wait comes on top. Default 30000. */
  readonly timeoutMs?: number | undefined;
  /** How often a request is sent again after the first try. 0 = never. Default 4. */
  readonly maxRetries?: number | undefined;
  /** For tests: the clock, the sleep and the randomness of retries. */
  readonly timing?: Timing | undefined;
}

export interface Call {
  readonly method: 'GET' | 'POST';
  /** From the root of the API, with its query. */
  readonly path: string;
  /** JSON, serialised once: an idempotency key stands for these very bytes. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the server does the same however often it gets this. Otherwise only what was surely not done is repeated. */
  readonly repeatable: boolean;
  /** On top of `timeoutMs`. */
  readonly extraTimeoutMs?: number;
  /** Error statuses that are an answer here: not repeated, not thrown. */
  readonly accept?: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  /** The parsed JSON. */
  readonly body: unknown;
}

export class Transport {
  readonly baseUrl: string;
  readonly timing: Timing;
  readonly #apiKey: string | null;
  readonly #fetch: typeof globalThis.fetch;
  readonly #timeoutMs: number;
  readonly #maxRetries: number;

  constructor(options: RunfleetClientOptions) {
    this.baseUrl = checkedBaseUrl(options.baseUrl ?? 'http://127.0.0.1:3000');
    this.#apiKey = checkedKey(options.apiKey);
    const given = options.fetch;
    // Wrapped: browsers refuse a fetch that is called as a method of something else.
    this.#fetch = given ?? ((input, init) => globalThis.fetch(input, init));
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#maxRetries = options.maxRetries ?? 4;
    this.timing = options.timing ?? realTiming;
  }

  /** Throws a `RunfleetClientError`, or the reason of an aborted signal. */
  async request(call: Call): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      let failure: RunfleetApiError | RunfleetConnectionError;
      try {
        const answer = await this.#attempt(call);
        if ('body' in answer) return answer;
        failure = answer;
      } catch (error) {
        if (call.signal?.aborted === true) throw reasonOf(call.signal);
        if (!(error instanceof RunfleetConnectionError)) throw error;
        failure = error;
      }
      if (attempt > this.#maxRetries || !mayRepeat(call, failure)) throw failure;
      const retryAfterMs = 'retryAfterMs' in failure ? failure.retryAfterMs : null;
      const delayMs = retryDelayMs(attempt, retryAfterMs, this.timing.random());
      if (delayMs === null) throw failure;
      await this.timing.sleep(delayMs, call.signal);
    }
  }

  /** Opens an answer that comes in pieces: one attempt, and no limit of time once its head is there. */
  async open(call: Pick<Call, 'path' | 'headers'> & { readonly signal: AbortSignal }): Promise<Response> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), this.#timeoutMs);
    let response: Response;
    try {
      response = await this.#fetch(`${this.baseUrl}${call.path}`, {
        headers: this.#headers({ ...call, method: 'GET', repeatable: true }),
        redirect: 'manual',
        signal: AbortSignal.any([call.signal, late.signal]),
      });
      if (!response.ok) throw await this.#refusal(response);
    } catch (error) {
      if (error instanceof RunfleetApiError) throw error;
      throw this.connectionError(error, late.signal.aborted ? this.#timeoutMs : null);
    } finally {
      clearTimeout(timer);
    }
    return response;
  }

  async #attempt(call: Call): Promise<Answer | RunfleetApiError> {
    const timeoutMs = this.#timeoutMs + (call.extraTimeoutMs ?? 0);
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
    try {
      const response = await this.#fetch(`${this.baseUrl}${call.path}`, {
        method: call.method,
        headers: this.#headers(call),
        ...(call.body === undefined ? {} : { body: call.body }),
        // Followed, a POST would turn into a GET.
        redirect: 'manual',
        signal,
      });
      if (!response.ok && call.accept?.includes(response.status) !== true)
        return await this.#refusal(response);
      return { status: response.status, body: this.#parse(await response.text()) };
    } catch (error) {
      if (error instanceof RunfleetUnexpectedAnswerError) throw error;
      throw this.connectionError(error, timeout.aborted ? timeoutMs : null);
    }
  }

  async #refusal(response: Response): Promise<RunfleetApiError> {
    return apiError({
      status: response.status,
      problem: parseProblem(await response.text(), response.status),
      requestId: response.headers.get('x-request-id'),
      retryAfterMs: parseRetryAfter(response.headers.get('retry-after'), Date.now()),
    });
  }

  #headers(call: Call): Record<string, string> {
    return {
      accept: 'application/json',
      'user-agent': 'runfleet-client',
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(this.#apiKey === null ? {} : { authorization: `Bearer ${this.#apiKey}` }),
      ...call.headers,
    };
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw this.unexpected();
    }
  }

  unexpected(): RunfleetUnexpectedAnswerError {
    return new RunfleetUnexpectedAnswerError(
      `What answers at ${this.baseUrl} does not speak runfleet's language. Check the address.`,
    );
  }

  connectionError(cause: unknown, timedOutAfterMs: number | null): RunfleetConnectionError {
    const code = networkCode(cause);
    const why =
      timedOutAfterMs === null
        ? (code ?? (cause instanceof Error ? cause.name : 'unknown'))
        : `no answer within ${timedOutAfterMs} ms`;
    return new RunfleetConnectionError(`Cannot reach runfleet at ${this.baseUrl} (${why}).`, {
      cause,
      mayHaveArrived: !isNeverSent(code),
    });
  }
}

function mayRepeat(call: Call, failure: RunfleetApiError | RunfleetConnectionError): boolean {
  if (failure instanceof RunfleetConnectionError) return call.repeatable || !failure.mayHaveArrived;
  if (call.repeatable) return retryableStatuses.has(failure.status);
  return refusedStatuses.has(failure.status) && failure.problem?.type !== unknownAcceptance;
}

/** The messages name no value: an address can hold a password, and `fetch` would print it. */
function checkedBaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new RunfleetUsageError('baseUrl must be an http or https address, such as http://127.0.0.1:3000.');
  }
  if (url.username !== '' || url.password !== '') {
    throw new RunfleetUsageError('baseUrl must not hold a user name or password. Pass the key as apiKey.');
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** Checked here, because `fetch` would print the whole value in its own complaint. */
function checkedKey(key: string | undefined): string | null {
  const trimmed = key?.trim() ?? '';
  if (trimmed === '') return null;
  if (!/^[\x21-\x7e]+$/.test(trimmed)) {
    throw new RunfleetUsageError('apiKey holds characters that cannot be sent in a header.');
  }
  return trimmed;
}

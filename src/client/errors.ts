/**
 * All errors that the client throws on purpose. An abort is not among them: it rejects with the signal's own reason.
 * No message, field or cause holds the API key.
 */

import { unknownAcceptance } from './retry.ts';
import type { Problem, RunView } from './types.ts';

export abstract class RunfleetClientError extends Error {
  abstract override readonly name: string;
}

/** What was passed cannot be sent at all: an address, a key or an id of no usable form. The message holds no value. */
export class RunfleetUsageError extends RunfleetClientError {
  override readonly name = 'RunfleetUsageError';
}

interface ApiErrorDetails {
  readonly status: number;
  /** Null when the answer was not runfleet's, such as a gateway's page. */
  readonly problem: Problem | null;
  readonly requestId?: string | null;
  readonly retryAfterMs?: number | null;
}

/** The server answered, and refused. */
export class RunfleetApiError extends RunfleetClientError {
  override readonly name: string = 'RunfleetApiError';
  /** HTTP status. */
  readonly status: number;
  readonly problem: Problem | null;
  /** For the operator: finds the request in the server's log. */
  readonly requestId: string | null;
  /** What `Retry-After` asked for. */
  readonly retryAfterMs: number | null;

  constructor(details: ApiErrorDetails) {
    super(describe(details));
    this.status = details.status;
    this.problem = details.problem;
    this.requestId = details.requestId ?? null;
    this.retryAfterMs = details.retryAfterMs ?? null;
  }
}

/** 400: the request is wrong; `problem.errors` names each field. */
export class RunfleetBadRequestError extends RunfleetApiError {
  override readonly name = 'RunfleetBadRequestError';
}

/** 401: no API key, or one that the server does not know. */
export class RunfleetUnauthorizedError extends RunfleetApiError {
  override readonly name = 'RunfleetUnauthorizedError';
}

/** 404: no such run; it may have been removed after its retention time. */
export class RunfleetNotFoundError extends RunfleetApiError {
  override readonly name = 'RunfleetNotFoundError';
}

/** 409: the idempotency key stands for another request, or the run is not in a state that allows this. */
export class RunfleetConflictError extends RunfleetApiError {
  override readonly name = 'RunfleetConflictError';
}

/** 503: the server cannot work now (Redis unreachable). Nothing was accepted, unless its problem says that it is unknown. */
export class RunfleetUnavailableError extends RunfleetApiError {
  override readonly name = 'RunfleetUnavailableError';
}

/** The error class that fits the status. */
export function apiError(details: ApiErrorDetails): RunfleetApiError {
  switch (details.status) {
    case 400:
      return new RunfleetBadRequestError(details);
    case 401:
      return new RunfleetUnauthorizedError(details);
    case 404:
      return new RunfleetNotFoundError(details);
    case 409:
      return new RunfleetConflictError(details);
    case 503:
      return new RunfleetUnavailableError(details);
    default:
      return new RunfleetApiError(details);
  }
}

/** No answer: refused, reset, unknown host, or silence for longer than the timeout. */
export class RunfleetConnectionError extends RunfleetClientError {
  override readonly name = 'RunfleetConnectionError';
  /** False when the request cannot have reached the server; true when it may have been carried out. */
  readonly mayHaveArrived: boolean;

  constructor(message: string, options: { readonly cause: unknown; readonly mayHaveArrived: boolean }) {
    super(message, { cause: options.cause });
    this.mayHaveArrived = options.mayHaveArrived;
  }
}

/** The server answered with success, but not with what runfleet answers: most likely not a runfleet at all. */
export class RunfleetUnexpectedAnswerError extends RunfleetClientError {
  override readonly name = 'RunfleetUnexpectedAnswerError';
}

/** The run had not ended after `timeoutSeconds`. It goes on. */
export class RunfleetWaitTimeoutError extends RunfleetClientError {
  override readonly name = 'RunfleetWaitTimeoutError';
  /** The run as it was last seen. */
  readonly run: RunView;

  constructor(run: RunView, timeoutSeconds: number) {
    super(`Run ${run.id} is still ${run.status} after ${timeoutSeconds} s. It goes on; wait for it again.`);
    this.run = run;
  }
}

/** `createMany` could not go on. What was answered before is in `results`. */
export class RunfleetBulkError extends RunfleetClientError {
  override readonly name = 'RunfleetBulkError';
  /** Results of the first inputs, in their order. */
  readonly results: readonly CreateManyResult[];
  /** So many inputs after those were on their way: when `mayHaveArrived`, they may have been accepted. */
  readonly inDoubt: number;
  readonly mayHaveArrived: boolean;

  constructor(results: readonly CreateManyResult[], chunkLength: number, cause: RunfleetClientError) {
    const mayHaveArrived = arrived(cause);
    const doubt = mayHaveArrived ? ` The next ${chunkLength} may have been accepted all the same.` : '';
    super(`${results.length} runs were answered, then: ${cause.message}${doubt}`, { cause });
    this.results = results;
    this.inDoubt = chunkLength;
    this.mayHaveArrived = mayHaveArrived;
  }
}

export type CreateManyResult =
  | { readonly run: RunView; readonly error?: never }
  | { readonly error: RunfleetApiError; readonly run?: never };

/** True for everything above, also across two copies of this package. */
export function isRunfleetClientError(error: unknown): error is RunfleetClientError {
  return (
    error instanceof RunfleetClientError || (error instanceof Error && /^Runfleet\w+Error$/.test(error.name))
  );
}

/** True when the server answered with an error status, or with this one. */
export function isRunfleetApiError(error: unknown, status?: number): error is RunfleetApiError {
  if (!isRunfleetClientError(error) || !('problem' in error) || !('status' in error)) return false;
  return status === undefined || error.status === status;
}

function arrived(cause: RunfleetClientError): boolean {
  if (cause instanceof RunfleetConnectionError) return cause.mayHaveArrived;
  if (cause instanceof RunfleetApiError)
    return cause.status >= 500 && (cause.status !== 503 || cause.problem?.type === unknownAcceptance);
  return true;
}

function describe({ status, problem }: ApiErrorDetails): string {
  if (problem === null) return `The server answered ${status}, and not as runfleet does.`;
  const fields = (problem.errors ?? []).map(({ pointer, detail }) => `${pointer}: ${detail}`);
  // Where fields are named, the title ("not valid") says nothing more.
  const head = problem.detail ?? (fields.length > 0 ? null : problem.title);
  const parts = [head, ...fields].filter((part) => part !== null).map((part) => part.replace(/[.;]\s*$/, ''));
  return `${parts.join('; ')}.`;
}

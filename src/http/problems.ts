/** Every sort of error that the API answers with, after RFC 9457. The documentation is made from this table too. */

import type { FieldError } from '../domain/errors.ts';
import type { Problem } from '../domain/wire/run-view.ts';

interface ProblemSort {
  readonly status: number;
  readonly title: string;
  /** What the caller can do about it. */
  readonly advice: string;
}

export const problemSorts = {
  'invalid-request': {
    status: 400,
    title: 'The request is not valid.',
    advice: 'Correct each field that `errors` names.',
  },
  'invalid-json': {
    status: 400,
    title: 'The body is not the JSON that is expected.',
    advice: 'Send one JSON object in UTF-8, nested at most 64 levels deep.',
  },
  'webhook-refused': {
    status: 400,
    title: 'The webhook is not accepted.',
    advice: 'Check the secret on both sides, the clocks, and that nothing in between changes the body.',
  },
  unauthorized: {
    status: 401,
    title: 'A valid API key is needed.',
    advice: 'Send `Authorization: Bearer <key>`.',
  },
  forbidden: {
    status: 403,
    title: 'This request is not allowed from there.',
    advice:
      'Without API keys, runfleet answers to a loopback name only; the board takes forms from its own pages only.',
  },
  'missing-scope': {
    status: 403,
    title: 'This API key may not do that.',
    advice: 'Use a key with the scope that `detail` names, or add it in RUNFLEET_API_KEYS.',
  },
  'not-found': { status: 404, title: 'There is nothing here.', advice: 'See the list of routes in /docs.' },
  'run-not-found': {
    status: 404,
    title: 'There is no such run.',
    advice: 'Check the id. Runs are removed some time after their end.',
  },
  'callback-not-found': {
    status: 404,
    title: 'There is no such callback among those that were given up.',
    advice: 'Check the id. They are removed a week after they were given up.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'This route has no such method.',
    advice: 'The header `Allow` lists those it has.',
  },
  'idempotency-mismatch': {
    status: 409,
    title: 'The Idempotency-Key stands for another request.',
    advice: 'Use a new key for a new request.',
  },
  'run-open': {
    status: 409,
    title: 'The run has not ended.',
    advice: 'Cancel it first, or wait for its end.',
  },
  'not-redrivable': {
    status: 409,
    title: 'The run cannot be run again.',
    advice: 'Its job never fitted the schema: send it as a new run, with the mistake corrected.',
  },
  'backlog-full': {
    status: 429,
    title: 'The fleet has as many runs in flight as it may hold.',
    advice: 'Send it again after the seconds that `Retry-After` says.',
  },
  'tools-not-awaited': {
    status: 409,
    title: 'The run waits for no tool outputs.',
    advice: 'Read the run: `required_action` lists the calls that it waits for.',
  },
  'too-large': { status: 413, title: 'The body is too large.', advice: 'Send less, or in several requests.' },
  'unsupported-type': {
    status: 415,
    title: 'The body has a type that is not understood.',
    advice: 'Send `Content-Type: application/json`, in UTF-8.',
  },
  internal: {
    status: 500,
    title: 'Something went wrong here.',
    advice: 'Report it with the `X-Request-Id` of the answer: the log has the cause.',
  },
  'not-implemented': {
    status: 501,
    title: 'This is not available here.',
    advice: 'Nothing: not in this setup.',
  },
  unavailable: {
    status: 503,
    title: 'Runs cannot be read or accepted at the moment.',
    advice: 'Nothing was accepted. Try again after `Retry-After` seconds.',
  },
  'acceptance-unknown': {
    status: 503,
    title: 'Nobody knows whether this was accepted.',
    advice:
      'With an `Idempotency-Key`, try again after `Retry-After` seconds. Without one, look first whether the run is there.',
  },
} as const satisfies Record<string, ProblemSort>;

export type ProblemName = keyof typeof problemSorts;

/** Thrown anywhere in the HTTP layer; the error handler answers with it. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    sort: ProblemName,
    options: {
      readonly detail?: string;
      readonly fields?: readonly FieldError[];
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    const problem = problemOf(sort, options);
    super(problem.detail ?? problem.title);
    this.problem = problem;
    this.headers = options.headers ?? {};
  }
}

export function problemOf(
  sort: ProblemName,
  { detail, fields }: { readonly detail?: string; readonly fields?: readonly FieldError[] } = {},
): Problem {
  const { status, title } = problemSorts[sort];
  return {
    type: `/docs#problem-${sort}`,
    title,
    status,
    ...(detail === undefined ? {} : { detail }),
    ...(fields === undefined
      ? {}
      : { errors: fields.map(({ path, message }) => ({ pointer: pointerOf(path), detail: message })) }),
  };
}

/** RFC 6901. The whole document is the empty string. */
function pointerOf(path: readonly (string | number)[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

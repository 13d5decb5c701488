import type { ErrorRequestHandler } from 'express';
import type { Logger } from 'pino';
import { InvalidInputError } from '../domain/errors.ts';
import { ProblemError, type ProblemName } from './problems.ts';
import { requestIdOf } from './request-context.ts';

/** The last in the chain: every error becomes a problem, and only what is our own fault is logged as an error. */
export function errorHandler(logger: Logger): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (error: unknown, req, res, next) => {
    const answer = toProblem(error);
    const { status } = answer.problem;
    const gone = req.destroyed && !req.complete;
    if (status >= 500 && !gone) log(logger, error, { requestId: requestIdOf(res), status });
    if (gone) return void res.destroy();
    // Half an answer is out: only a broken connection tells the caller.
    if (res.headersSent) return next(error);
    res.status(status).set(answer.headers).type('application/problem+json');
    res.send(JSON.stringify(answer.problem));
  };
}

function log(
  logger: Logger,
  error: unknown,
  fields: { readonly status: number; readonly requestId: string | undefined },
) {
  // While Redis is away every request fails in the same way: one line each, without the stack.
  if (fields.status === 503) logger.warn({ ...fields, reason: String(error) }, 'request refused');
  else if (fields.status !== 501) logger.error({ ...fields, err: error }, 'request failed');
}

function toProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof InvalidInputError) {
    return new ProblemError('invalid-request', { fields: error.fields });
  }
  if (error instanceof Error) {
    const sort = sortsByName[error.name];
    if (sort !== undefined) {
      const headers = sort === 'backlog-full' ? { 'Retry-After': String(backlogRetrySeconds) } : {};
      return new ProblemError(sort, { detail: error.message, headers });
    }
    if (error.name === 'InvalidCursorError') {
      const message = 'Not a cursor of this list. Take it from `next_cursor` of the page before.';
      return new ProblemError('invalid-request', { fields: [{ path: ['query', 'cursor'], message }] });
    }
    if (error.name === 'AcceptanceUnknownError')
      return new ProblemError('acceptance-unknown', { headers: { 'Retry-After': '1' } });
    if (isStoreDown(error)) return new ProblemError('unavailable', { headers: { 'Retry-After': '1' } });
    const known = fromExpress(error);
    if (known !== null) return known;
  }
  return new ProblemError('internal');
}

/** Runs take seconds to minutes; whoever comes back sooner finds no more room. */
const backlogRetrySeconds = 5;

/** By name, not by class: an error may come from another bundle. Their messages are written for callers. */
const sortsByName: Readonly<Record<string, ProblemName>> = {
  RunNotFoundError: 'run-not-found',
  RunStillOpenError: 'run-open',
  RunNotRedrivableError: 'not-redrivable',
  ToolsNotAwaitedError: 'tools-not-awaited',
  WebhookRefusedError: 'webhook-refused',
  IdempotencyMismatchError: 'idempotency-mismatch',
  BacklogFullError: 'backlog-full',
};

/** What express and its body parser throw: they carry `status`, and sometimes `type`. */
function fromExpress(error: Error): ProblemError | null {
  const limit = property(error, 'limit');
  switch (property(error, 'status')) {
    case 413:
      return new ProblemError(
        'too-large',
        typeof limit === 'number' ? { detail: `At most ${limit} bytes.` } : {},
      );
    case 415:
      return new ProblemError('unsupported-type', {
        detail:
          property(error, 'type') === 'encoding.unsupported'
            ? 'Content-Encoding: gzip, deflate, br or none.'
            : 'Send application/json in UTF-8.',
      });
    case 400:
      return new ProblemError('invalid-request', {
        detail:
          error instanceof URIError ? 'The path has broken percent-encoding.' : 'The body could not be read.',
      });
    default:
      return null;
  }
}

function property(error: Error, name: string): unknown {
  return Reflect.get(error, name);
}

const connectionCodes: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'NR_CLOSED',
]);
/** Redis's own words for "not now", at the start of an error reply. */
const refusals =
  /^(?:LOADING|READONLY|OOM|MISCONF|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|BUSY|NOAUTH|WRONGPASS)\b/;
const disconnects =
  /^(?:Connection is closed|Command timed out|Stream isn't writeable|Reached the max retries per request)/;

/** Looks through `cause` and aggregated errors: clients wrap the socket's error in their own. */
export function isStoreDown(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > 5) return false;
  return (
    error.name === 'StoreUnavailableError' ||
    error.name === 'MaxRetriesPerRequestError' ||
    connectionCodes.has(property(error, 'code')) ||
    refusals.test(error.message) ||
    disconnects.test(error.message) ||
    isStoreDown(error.cause, depth + 1) ||
    (error instanceof AggregateError && error.errors.some((inner) => isStoreDown(inner, depth + 1)))
  );
}

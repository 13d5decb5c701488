import { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from 'openai';
import type { FaultDetails, FaultType } from '../../domain/fault.ts';
import { readRetryAfterMs } from '../../domain/limiter/headers.ts';

/** Connection errors after which the request certainly never left. */
const neverSent: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Conflict and Locked. */
const held: ReadonlySet<number> = new Set([409, 423]);
/** Request Timeout, Too Early and Service Unavailable: the request was not begun, and may be sent again. */
const notTaken: ReadonlySet<number> = new Set([408, 425, 503]);

const activeRun = /already has an active run/i;

/** Whatever a call of the SDK threw, as a fault. */
export function faultOf(error: unknown): FaultDetails {
  if (error instanceof APIConnectionTimeoutError || error instanceof APIUserAbortError) {
    return fault('unclear', 'timeout', 'The provider did not answer in time.');
  }
  if (error instanceof APIConnectionError) return connectionFault(error);
  if (error instanceof APIError && typeof error.status === 'number') return answerFault(error, error.status);
  return fault('unclear', 'invalid_answer', `The answer could not be read: ${messageOf(error)}`);
}

function connectionFault(error: APIConnectionError): FaultDetails {
  const { code, message } = rootCause(error);
  if (code !== null && neverSent.has(code)) {
    return fault('unavailable', 'connection_failed', `The provider could not be reached: ${message}`);
  }
  return fault(
    'unclear',
    'connection_lost',
    `The connection broke before the answer was complete: ${message}`,
  );
}

function answerFault(error: APIError, status: number): FaultDetails {
  // The SDK hands over the body's `error` member: with it, the API itself answered, and not a gateway before it.
  const envelope: unknown = error.error;
  const own = typeof envelope === 'object' && envelope !== null;
  const details = {
    code: codeOf(error, status),
    message: own ? messageOf(envelope) : ownWords(status),
    httpStatus: status,
    // The SDK ignores hints above 60 s; we do not.
    retryAfterMs: readRetryAfterMs((name) => error.headers?.get(name), Date.now()),
  };
  return { type: typeOf(error, status, own), ...details };
}

function ownWords(status: number): string {
  const words = `The provider answered ${status}.`;
  return isRedirect(status)
    ? `${words} Redirects are not followed: set OPENAI_BASE_URL to where it is.`
    : words;
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

function typeOf(error: APIError, status: number, own: boolean): FaultType {
  if (status === 401 || status === 403) return 'unauthorized';
  if (status === 404) return 'not_found';
  if (status === 429) return 'throttled';
  if (held.has(status) || error.code === 'conversation_locked' || activeRun.test(error.message))
    return 'conflict';
  if (notTaken.has(status)) return 'unavailable';
  // A proxy's, which hung up: what is behind it may have taken the request.
  if (status === 499) return 'unclear';
  // Sent elsewhere, so nothing was done here; 301 and 308 say that it stays so.
  if (isRedirect(status)) return status === 301 || status === 308 ? 'refused' : 'unavailable';
  if (status < 500) return 'refused';
  // A gateway's 500, 502 or 504 may hide a request that was carried out.
  return own ? 'unavailable' : 'unclear';
}

function codeOf(error: APIError, status: number): string {
  if (typeof error.code === 'string' && error.code !== '') return error.code;
  if (typeof error.type === 'string' && error.type !== '') return error.type;
  return `http_${status}`;
}

function fault(type: FaultType, code: string, message: string): FaultDetails {
  return { type, code, message, httpStatus: null, retryAfterMs: null };
}

function messageOf(value: unknown): string {
  const message = typeof value === 'object' && value !== null && 'message' in value ? value.message : value;
  return (typeof message === 'string' ? message : 'no message').slice(0, 1000);
}

function rootCause(error: Error): { readonly code: string | null; readonly message: string } {
  let inner: Error = error;
  // Bounded: a cause can point back at itself.
  for (let depth = 0; depth < 5 && inner.cause instanceof Error; depth += 1) inner = inner.cause;
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : null;
  return { code, message: messageOf(inner) };
}

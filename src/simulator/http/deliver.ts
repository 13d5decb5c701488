import type { IncomingMessage, ServerResponse } from 'node:http';

import { ApiError } from '../errors.ts';
import type { Fault } from '../faults.ts';
import { retryAfterHeaders } from '../rate-limit.ts';

/** An answer, ready but for the faults. */
export interface Answer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: object;
}

interface Sending {
  request: IncomingMessage;
  response: ServerResponse;
  fault: Fault | null;
  /** Puts something off; nothing happens any more once the server is closing. */
  later: (delayMs: number, run: () => void) => void;
}

/** Why no HTTP answer went out. */
type Dropped = 'reset' | 'lost_reply';

/** Does the fault keep the request from being processed at all? */
export function isBeforeProcessing(fault: Fault | null): boolean {
  return fault?.type === 'reset' || (fault?.type === 'http_error' && fault.processed !== true);
}

/**
 * Sends the answer, or what the fault makes of it: the one place where faults act. Returns what the client is
 * going to see: the status code, or how its connection ended.
 */
export function deliver(sending: Sending, answer: Answer): string {
  const { response, fault } = sending;
  switch (fault?.type) {
    case undefined:
    // These strike what is streamed, and this is not.
    case 'stream_break':
    case 'stream_stall':
      return send(response, answer, JSON.stringify(answer.body));
    case 'reset':
      return drop(sending, 'reset');
    case 'lost_reply':
      return drop(sending, 'lost_reply');
    case 'http_error':
      return sendError(response, answer, fault.status, fault.retryAfterMs);
    case 'slow':
      sending.later(fault.delayMs, () => send(response, answer, JSON.stringify(answer.body)));
      return String(answer.status);
    case 'garbage': {
      const whole = JSON.stringify(answer.body);
      return send(response, answer, whole.slice(0, Math.ceil(whole.length / 2)));
    }
    case 'wrong_content_type':
      return send(response, answer, JSON.stringify(answer.body), 'text/plain; charset=utf-8');
    case 'huge_body': {
      const padding = Buffer.alloc(fault.bytes, ' ');
      return send(response, answer, Buffer.concat([Buffer.from(JSON.stringify(answer.body)), padding]));
    }
    default: {
      const never: never = fault;
      return never;
    }
  }
}

function send(
  response: ServerResponse,
  { status, headers }: Answer,
  body: string | Buffer,
  contentType = 'application/json',
): string {
  response.writeHead(status, {
    ...headers,
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
  return String(status);
}

function drop({ request }: Sending, how: Dropped): string {
  if (how === 'reset') request.socket.resetAndDestroy();
  else request.socket.destroy();
  return how;
}

const GATEWAY_TITLES: Readonly<Record<number, string>> = { 502: 'Bad Gateway', 504: 'Gateway Time-out' };

function sendError(
  response: ServerResponse,
  answer: Answer,
  status: number,
  retryAfterMs: number | undefined,
): string {
  const title = GATEWAY_TITLES[status];
  const headers = {
    ...answer.headers,
    ...(retryAfterMs === undefined ? {} : retryAfterHeaders(retryAfterMs)),
  };
  if (title !== undefined) {
    const page = `<html>\r\n<head><title>${status} ${title}</title></head>\r\n<body>\r\n<center><h1>${status} ${title}</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n`;
    return send(response, { ...answer, status, headers }, page, 'text/html');
  }
  return send(response, { ...answer, status, headers }, JSON.stringify(faultBody(status)));
}

function faultBody(status: number): object {
  if (status === 429) {
    return new ApiError(429, 'Rate limit reached for organization org-simulator.', {
      type: 'requests',
      code: 'rate_limit_exceeded',
    }).body;
  }
  if (status === 503) {
    return new ApiError(503, 'The server is currently overloaded. Please try again later.', {
      type: 'server_error',
    }).body;
  }
  const message =
    status >= 500
      ? 'The server had an error while processing your request. Sorry about that!'
      : `The simulator was told to answer ${status}.`;
  return new ApiError(status, message, {
    type: status >= 500 ? 'server_error' : 'invalid_request_error',
  }).body;
}

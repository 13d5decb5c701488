import { type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type Agents, BlockedAddressError } from './guarded-agent.ts';
import { retryAfterMs } from './retry-after.ts';

export interface PostAsk {
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** From the first look-up to the last byte of the answer. */
  readonly timeoutMs: number;
  /** So much of the answer's body is kept; with 0 nothing is, and the status alone is waited for. */
  readonly maxAnswerBytes: number;
  readonly signal?: AbortSignal;
}

export type PostResult = PostAnswer | PostFailure;

/** Redirects are answers like others: nobody follows them. */
export interface PostAnswer {
  readonly answered: true;
  readonly status: number;
  readonly retryAfterMs: number | null;
  readonly contentType: string | null;
  readonly body: Buffer;
  /** The body was longer than what is kept. */
  readonly truncated: boolean;
}

export interface PostFailure {
  readonly answered: false;
  /** `invalid_url` and `blocked` stay so, as far as anybody can tell; the others may pass. */
  readonly reason: 'invalid_url' | 'blocked' | 'timeout' | 'aborted' | 'tls' | 'connection';
  /** A word for logs: the system's error code where it has one. */
  readonly code: string;
  /** For people. Nothing of the URL but its host. */
  readonly message: string;
  /** Something of the request may have reached the other side. */
  readonly sent: boolean;
  /** The connection had been kept from a call before: perhaps it was just being closed. */
  readonly reusedConnection: boolean;
}

/** What is read of an answer that nobody wants, so that its connection can be used again. */
const drainBytes = 65_536;

/** What OpenSSL and Node call a peer that cannot be trusted or understood. */
const tlsCode = /^(?:ERR_TLS_|ERR_SSL_|EPROTO$|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH$)/;

/** The call itself. One promise for all that can become of it, so that nothing can be left hanging. */
export async function exchange(agents: Agents, url: URL, ask: PostAsk): Promise<PostResult> {
  const { promise, resolve } = Promise.withResolvers<PostResult>();
  const secure = url.protocol === 'https:';
  const request = (secure ? httpsRequest : httpRequest)(url, {
    method: 'POST',
    agent: secure ? agents.https : agents.http,
    headers: { ...ask.headers, 'content-length': Buffer.byteLength(ask.body) },
  });
  let stopped: 'timeout' | 'aborted' | null = null;
  let sent = false;
  let answered = false;
  const fail = (error: unknown): void => {
    resolve({
      answered: false,
      ...failureOf(stopped, error, url),
      sent,
      reusedConnection: request.reusedSocket,
    });
  };
  const stop = (why: 'timeout' | 'aborted'): void => {
    stopped ??= why;
    request.destroy(new Error(why));
  };
  const onAbort = (): void => stop('aborted');
  const timer = setTimeout(() => stop('timeout'), ask.timeoutMs);
  ask.signal?.addEventListener('abort', onAbort);
  request.once('close', () => {
    clearTimeout(timer);
    ask.signal?.removeEventListener('abort', onAbort);
    // Without an answer and without an error, this is all that is known.
    if (!answered) fail(new Error('closed'));
  });
  request.once('socket', (socket) => {
    if (socket.connecting) socket.once(secure ? 'secureConnect' : 'connect', () => (sent = true));
    else sent = true;
  });
  request.on('error', fail);
  request.once('response', (response) => {
    answered = true;
    readAnswer(response, ask.maxAnswerBytes).then(resolve, fail);
  });
  if (ask.signal?.aborted === true) onAbort();
  else request.end(ask.body);
  return await promise;
}

async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<PostAnswer> {
  const answer = {
    answered: true as const,
    status: response.statusCode ?? 0,
    retryAfterMs: retryAfterMs(response.headers['retry-after'], Date.now()),
    contentType: response.headers['content-type'] ?? null,
  };
  if (maxBytes === 0) {
    drain(response);
    return { ...answer, body: Buffer.alloc(0), truncated: false };
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop ends the connection.
    if (bytes > maxBytes) break;
  }
  return { ...answer, body: Buffer.concat(chunks).subarray(0, maxBytes), truncated: bytes > maxBytes };
}

/** Within the call's timeout, which runs on: it destroys the connection if the body does not end. */
function drain(response: IncomingMessage): void {
  let bytes = 0;
  response.on('error', () => {});
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > drainBytes) response.destroy();
  });
}

function failureOf(
  stopped: 'timeout' | 'aborted' | null,
  error: unknown,
  url: URL,
): Pick<PostFailure, 'reason' | 'code' | 'message'> {
  if (stopped === 'timeout') {
    return { reason: 'timeout', code: 'timeout', message: `${url.host} did not answer in time.` };
  }
  if (stopped === 'aborted') return { reason: 'aborted', code: 'aborted', message: 'The call was given up.' };
  if (error instanceof BlockedAddressError) {
    return { reason: 'blocked', code: 'blocked', message: error.message };
  }
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'closed';
  const reason = tlsCode.test(code) ? 'tls' : 'connection';
  return { reason, code, message: `${url.host} could not be called: ${code}.` };
}

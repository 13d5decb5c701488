import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { AnswerTooLargeError } from './bounded-fetch.ts';

/** An answer that is still being written: its body is `incoming`, and is read there. */
export class HeldAnswer extends Response {
  readonly incoming: IncomingMessage;

  constructor(incoming: IncomingMessage) {
    super(null, { status: incoming.statusCode ?? 0, headers: headersOf(incoming) });
    this.incoming = incoming;
  }
}

/**
 * A `fetch` for answers that are held open by the thousand. The one of Node keeps the request's body, twice, as long as
 * the answer lasts, and 40 kB a connection beside; this one keeps 7 kB and nothing of the request. Redirects are not
 * followed. An answer that is not good, or is one document, is read to its end, as far as `maxBytes`.
 */
export function heldFetch(maxBytes: number): typeof fetch {
  return async (input, init = {}) => {
    const incoming = await send(new URL(input instanceof Request ? input.url : input), init);
    if (isGood(incoming) && !isDocument(incoming)) return new HeldAnswer(incoming);
    // `send` has forgotten the signal, and a body may never end.
    const abort = (): void => void incoming.destroy(new DOMException('Aborted', 'AbortError'));
    init.signal?.addEventListener('abort', abort);
    try {
      const body = await bodyOf(incoming, maxBytes);
      return new Response(body.byteLength === 0 ? null : body, {
        status: incoming.statusCode ?? 0,
        headers: headersOf(incoming),
      });
    } finally {
      init.signal?.removeEventListener('abort', abort);
    }
  };
}

/** Resolves with the head of the answer. */
function send(url: URL, init: RequestInit): Promise<IncomingMessage> {
  const { request } = url.protocol === 'https:' ? https : http;
  const { body, signal } = init;
  if (typeof body !== 'string' && body !== null && body !== undefined)
    throw new TypeError('Only a text can be sent.');
  const bytes = Buffer.from(body ?? '');
  const headers = new Headers(init.headers);
  headers.set('host', url.host);
  headers.set('accept-encoding', 'identity');
  // The stream is the connection's life. One that is used again may have been closed by the other side just now, which
  // would leave a create of unknown fate.
  headers.set('connection', 'close');
  if (body) headers.set('content-length', String(bytes.byteLength));
  const method = init.method ?? 'GET';
  return new Promise((resolve, reject) => {
    // A list, and bytes for the body: of these Node makes one text, and keeps no other. But the list it keeps with the
    // socket, unread.
    const list = [...headers].flat();
    const outgoing = request(url, { method, headers: list });
    list.length = 0;
    const abort = (): void => void outgoing.destroy(new DOMException('Aborted', 'AbortError'));
    signal?.addEventListener('abort', abort);
    outgoing.once('response', (incoming) => {
      // Whoever reads the answer destroys it; a listener would keep all that the SDK has of the call.
      signal?.removeEventListener('abort', abort);
      resolve(incoming);
    });
    // Stays: an error after the head is told to the reader of the answer too.
    outgoing.on('error', reject);
    if (signal?.aborted) abort();
    else outgoing.end(bytes);
  });
}

function isGood({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

/** Some servers pass over `stream`, and answer as if it were not there. */
function isDocument({ headers }: IncomingMessage): boolean {
  return headers['content-type']?.toLowerCase().startsWith('application/json') === true;
}

/** Not from its other properties, which would be kept with it. */
function headersOf({ rawHeaders }: IncomingMessage): [string, string][] {
  return Array.from({ length: rawHeaders.length / 2 }, (_, at) => [
    rawHeaders[2 * at] ?? '',
    rawHeaders[2 * at + 1] ?? '',
  ]);
}

async function bodyOf(incoming: IncomingMessage, maxBytes: number): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new AnswerTooLargeError(`The answer is larger than ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

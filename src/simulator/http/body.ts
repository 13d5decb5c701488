import type { IncomingMessage } from 'node:http';

import { ApiError, badRequest } from '../errors.ts';
import { isObject } from '../params.ts';
import type { Params } from '../params.ts';

/** Nobody is left to answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

export function tooLarge(maxBytes: number): ApiError {
  return new ApiError(413, `Request body is too large: the limit is ${maxBytes} bytes.`);
}

/**
 * The raw request body, or `null` when it is too large: then it is read to its end all the same, but not held in
 * memory. Rejects when the client goes away.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else chunks.length = 0;
    });
    request.on('end', () => resolve(size <= maxBytes ? Buffer.concat(chunks) : null));
    request.on('error', (cause) => reject(new ClientGone('The client is gone.', { cause })));
    // A client that goes away in the middle of its body gives no `end`.
    request.on('close', () => reject(new ClientGone('The client closed the connection.')));
  });
}

export function parseBody(raw: Buffer | null): Params {
  if (raw === null || raw.length === 0) return {};
  try {
    const parsed: unknown = JSON.parse(raw.toString('utf8'));
    if (isObject(parsed)) return parsed;
  } catch {
    // Answered like any other body that is no JSON object.
  }
  throw badRequest(
    'We could not parse the JSON body of your request. The OpenAI API expects a JSON payload.',
  );
}

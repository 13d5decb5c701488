/** Reads a body as it came, for what is signed over its bytes: nothing is decoded, and nothing broken answers 500. */

import express, { type ErrorRequestHandler, type Request, type RequestHandler } from 'express';
import { ProblemError } from './problems.ts';

export function rawBodyOf(req: Request): Uint8Array {
  return Buffer.isBuffer(req.body) ? req.body : new Uint8Array();
}

/** Whatever is wrong with the body is a 400: the sender's retries would bring the same again. */
export function rawBody(limitBytes: number): (RequestHandler | ErrorRequestHandler)[] {
  return [express.raw({ type: () => true, limit: limitBytes, inflate: false }), asRefusal];
}

const asRefusal: ErrorRequestHandler = (error: unknown, _req, _res, next) => {
  const type = typeof error === 'object' && error !== null ? Reflect.get(error, 'type') : undefined;
  next(new ProblemError('webhook-refused', { detail: details.get(type) ?? 'The body could not be read.' }));
};

const details: ReadonlyMap<unknown, string> = new Map([
  ['entity.too.large', 'The body is too large for a webhook.'],
  ['encoding.unsupported', 'A webhook is sent without Content-Encoding.'],
  ['request.size.invalid', 'The body is not as long as its Content-Length.'],
]);

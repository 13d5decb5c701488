/** What every request gets, whatever becomes of it: an id, the safe headers, a line in the debug log. */

import { randomUUID } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import { callerOf } from './auth/caller.ts';
import { ProblemError } from './problems.ts';

const requestIds = new WeakMap<Response, string>();

export function requestIdOf(res: Response): string | undefined {
  return requestIds.get(res);
}

/** A caller's own id is kept if it cannot do harm in a log. */
const acceptableId = /^[\w.:-]{1,128}$/;

/** A proxy that ends TLS says so; whoever lies about it only harms their own answer. */
export function isHttps(req: Request): boolean {
  return req.secure || req.get('x-forwarded-proto') === 'https';
}

const hstsSeconds = 180 * 86_400;

export function requestContext(logger: Logger): RequestHandler {
  return (req, res, next) => {
    const sent = req.get('x-request-id');
    const requestId = sent !== undefined && acceptableId.test(sent) ? sent : randomUUID();
    requestIds.set(res, requestId);
    res.set({
      'X-Request-Id': requestId,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      // Answers hold outputs of models: nobody in between keeps them.
      'Cache-Control': 'no-store',
      // Nothing that a browser would run, load or frame; pages say for themselves what they need.
      'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
      'Cross-Origin-Resource-Policy': 'same-origin',
    });
    if (isHttps(req)) res.set('Strict-Transport-Security', `max-age=${hstsSeconds}`);
    if (logger.isLevelEnabled('debug')) {
      const startedMs = performance.now();
      // Not the query: a cursor or a key sent by mistake has no place in a log.
      const { method, path } = req;
      res.once('close', () => {
        logger.debug(
          {
            requestId,
            method,
            path,
            status: res.statusCode,
            durationMs: Math.round(performance.now() - startedMs),
            caller: callerOf(req).name,
            aborted: !res.writableFinished,
          },
          'request',
        );
      });
    }
    if (!isDecodable(req.path)) {
      throw new ProblemError('invalid-request', { detail: 'The path has broken percent-encoding.' });
    }
    next();
  };
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

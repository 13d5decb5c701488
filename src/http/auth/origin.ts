/** Guards against what a browser may be talked into by other sites. */

import type { Request, RequestHandler } from 'express';
import { ProblemError } from '../problems.ts';

/** Changes are taken from our own pages only. A browser always sends one of the two headers with a POST. */
export const sameOriginOnly: RequestHandler = (req, _res, next) => {
  if (req.method !== 'GET' && req.method !== 'HEAD' && !isSameOrigin(req)) {
    throw new ProblemError('forbidden', { detail: 'The request came from another site.' });
  }
  next();
};

function isSameOrigin(req: Request): boolean {
  const site = req.get('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin';
  const origin = req.get('origin');
  return origin !== undefined && hostOf(origin) === req.get('host')?.toLowerCase();
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

const loopbackName = /^(?:localhost|[\w.-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/**
 * Without API keys we listen on loopback only, but a web page can reach that too, by a name of its own that it
 * points at 127.0.0.1 (DNS rebinding), or with a POST that needs no leave. So: loopback names, and no other site.
 */
export const loopbackOnly: RequestHandler = (req, _res, next) => {
  // A tunnel brings webhooks under a name of its own; their signature says whose they are.
  if (req.path === '/v1/webhooks/openai') return next();
  if (!loopbackName.test(req.get('host') ?? '')) {
    const detail =
      'Without API keys, runfleet answers to localhost only. Set RUNFLEET_API_KEYS to use other names.';
    throw new ProblemError('forbidden', { detail });
  }
  const cross = req.get('sec-fetch-site') === 'cross-site';
  if (cross && req.method !== 'GET' && req.method !== 'HEAD') {
    throw new ProblemError('forbidden', { detail: 'The request came from another site.' });
  }
  next();
};

import type { IncomingMessage } from 'node:http';

import { ApiError, badRequest } from '../errors.ts';
import type { ResolvedOptions } from '../options.ts';

/** Throws 401 or 403 unless the bearer token is accepted. */
export function checkKey(request: IncomingMessage, options: ResolvedOptions): void {
  const key = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (key === undefined) {
    throw new ApiError(
      401,
      "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
    );
  }
  if (options.forbiddenApiKeys.includes(key)) {
    throw new ApiError(403, 'You have insufficient permissions for this operation.');
  }
  if (options.apiKeys.length > 0 && !options.apiKeys.includes(key)) {
    throw new ApiError(401, `Incorrect API key provided: ${masked(key)}.`, { code: 'invalid_api_key' });
  }
}

function masked(key: string): string {
  return key.length > 8 ? `${key.slice(0, 4)}****${key.slice(-4)}` : '****';
}

/** The Assistants API was never out of beta: without its header OpenAI answered 400. */
export function checkBetaHeader(request: IncomingMessage): void {
  if (request.headers['openai-beta']?.includes('assistants=') === true) return;
  throw badRequest(
    "You must provide the 'OpenAI-Beta' header to access the Assistants API. Please try again by setting the header 'OpenAI-Beta: assistants=v2'.",
    undefined,
    'invalid_beta',
  );
}

import type { Request, RequestHandler } from 'express';
import { ProblemError } from '../problems.ts';
import { anonymous, type Caller, setCaller } from './caller.ts';
import type { KeyRing } from './key-ring.ts';

/** Lets in who sends a key of ours, and notes their name. */
export function requireKey(ring: KeyRing): RequestHandler {
  return (req, _res, next) => {
    setCaller(req, identify(ring, req));
    next();
  };
}

/** Throws the 401. */
export function identify(ring: KeyRing, req: Request): Caller {
  if (ring.open) return anonymous;
  const key = bearerKey(req);
  if (key === null) throw unauthorized('Bearer realm="runfleet"');
  const caller = ring.identify(key);
  if (caller === null) throw unauthorized('Bearer realm="runfleet", error="invalid_token"');
  return caller;
}

export function bearerKey(req: Request): string | null {
  return /^bearer +(\S+)$/i.exec(req.get('authorization') ?? '')?.[1] ?? null;
}

function unauthorized(challenge: string): ProblemError {
  return new ProblemError('unauthorized', { headers: { 'WWW-Authenticate': challenge } });
}

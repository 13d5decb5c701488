import type { Request, RequestHandler } from 'express';
import { ProblemError } from '../problems.ts';
import { anonymous, type Caller, may, type Scope, setCaller } from './caller.ts';
import type { KeyRing } from './key-ring.ts';

/** Lets in who sends a key of ours that has this scope, and notes whose it is. */
export function requireScope(ring: KeyRing, scope: Scope): RequestHandler {
  return (req, _res, next) => {
    const caller = identify(ring, req);
    refuseWithout(scope, caller);
    setCaller(req, caller);
    next();
  };
}

/** Throws the 403. */
export function refuseWithout(scope: Scope, caller: Caller): void {
  if (may(caller, scope)) return;
  throw new ProblemError('missing-scope', {
    detail: `The key "${caller.name}" has the scopes ${caller.scopes.join(', ')}; this needs ${scope}.`,
  });
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

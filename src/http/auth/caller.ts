import type { Request } from 'express';

/** Who sent a request. Scopes will be a field of it. */
export interface Caller {
  /** The name of the API key; null without keys, and before it was checked. */
  readonly name: string | null;
}

export const anonymous: Caller = { name: null };

const callers = new WeakMap<Request, Caller>();

export function setCaller(req: Request, caller: Caller): void {
  callers.set(req, caller);
}

export function callerOf(req: Request): Caller {
  return callers.get(req) ?? anonymous;
}

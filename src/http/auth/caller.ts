import type { Request } from 'express';

/** What a key may do: send (and cancel, answer, redrive) its own runs; read them; everything, with everybody's runs. */
export const scopes = ['enqueue', 'read', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** Who sent a request. */
export interface Caller {
  /** The name of the API key; null without keys, and before it was checked. */
  readonly name: string | null;
  readonly scopes: readonly Scope[];
}

/** Without keys everybody may do everything; the listener is bound to loopback then. */
export const anonymous: Caller = { name: null, scopes: ['admin'] };

export function may(caller: Caller, scope: Scope): boolean {
  return caller.scopes.includes(scope) || caller.scopes.includes('admin');
}

const callers = new WeakMap<Request, Caller>();

export function setCaller(req: Request, caller: Caller): void {
  callers.set(req, caller);
}

export function callerOf(req: Request): Caller {
  return callers.get(req) ?? anonymous;
}

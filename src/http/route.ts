/** One table of routes makes both the server and its documentation, so neither can say what the other does not. */

import type { Express, Request, RequestHandler, Response } from 'express';
import type * as z from 'zod';
import { InvalidInputError } from '../domain/errors.ts';
import { type Caller, callerOf, type Scope } from './auth/caller.ts';
import { requireScope } from './auth/bearer.ts';
import type { KeyRing } from './auth/key-ring.ts';
import { bodyOf, jsonBody } from './json-body.ts';
import { ProblemError, type ProblemName } from './problems.ts';
import { rawBody } from './raw-body.ts';

export interface RouteDoc {
  readonly method: 'get' | 'post';
  /** As in OpenAPI: `/v1/runs/{id}`. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: 'Runs' | 'Operations';
  readonly summary: string;
  readonly description?: string;
  /** The scope that an API key needs, wherever there are any. */
  readonly access: 'open' | Scope;
  readonly params?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly example: string }>>;
  readonly body?: { readonly schema: z.ZodType; readonly example: unknown };
  /** In place of `body`: its bytes are left to the handler, which is also the first to judge them. */
  readonly rawBody?: { readonly schema: z.ZodType; readonly example: unknown };
  readonly answers: Readonly<Record<number, AnswerDoc>>;
  /** Those of its own; 401, 413, 415, 500 and the like are added where they belong. */
  readonly problems?: readonly ProblemName[];
}

export interface AnswerDoc {
  readonly description: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: application/json; null: no body. */
  readonly contentType?: string | null;
  readonly schema?: z.ZodType;
  readonly example?: unknown;
}

export interface Incoming<Query> {
  readonly req: Request;
  readonly res: Response;
  readonly caller: Caller;
  readonly query: Query;
  /** Parsed and not too deep; undefined where the route takes none. */
  readonly body: unknown;
}

export interface Route extends RouteDoc {
  readonly query: z.ZodObject;
  /** Null: answered by a router of its own, and here for the documentation alone. */
  readonly respond: ((req: Request, res: Response) => Promise<void>) | null;
}

/** Checks the query before the handler, and gives it with its type. */
export function route<Query extends z.ZodObject>(
  definition: RouteDoc & {
    readonly query: Query;
    readonly handle: ((incoming: Incoming<z.output<Query>>) => void | Promise<void>) | null;
  },
): Route {
  const { handle, ...documented } = definition;
  if (handle === null) return { ...documented, respond: null };
  return {
    ...documented,
    respond: async (req, res) => {
      const query = definition.query.safeParse(req.query);
      if (!query.success) throw new InvalidInputError(query.error.issues.flatMap(queryErrors));
      await handle({ req, res, caller: callerOf(req), query: query.data, body: bodyOf(req) });
    },
  };
}

export function mount(
  app: Express,
  routes: readonly Route[],
  options: { readonly ring: KeyRing; readonly bodyBytes: number; readonly rawBodyBytes: number },
): void {
  const ours = routes.filter(({ respond }) => respond !== null);
  const json = jsonBody(options.bodyBytes);
  const raw = rawBody(options.rawBodyBytes);
  for (const [path, ofPath] of Map.groupBy(ours, ({ path: template }) => template)) {
    const pattern = path.replaceAll(/\{(\w+)\}/g, ':$1');
    const registered = app.route(pattern);
    for (const { method, access, body, rawBody: unread, respond } of ofPath) {
      if (respond === null) continue;
      // The key first: nobody else gets us to read and parse megabytes.
      registered[method](
        ...(access === 'open' ? [] : [requireScope(options.ring, access)]),
        ...(body === undefined ? [] : json),
        ...(unread === undefined ? [] : raw),
        respond,
      );
    }
    registered.all(otherMethods(ofPath));
  }
}

function queryErrors(issue: z.core.$ZodIssue): { path: (string | number)[]; message: string }[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => ({ path: ['query', name], message: 'There is no such parameter.' }));
  }
  return [{ path: ['query', ...issue.path.map(String)], message: issue.message }];
}

function otherMethods(routes: readonly Route[]): RequestHandler {
  const allow = routes.flatMap(({ method }) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]));
  const headers = { Allow: allow.join(', ') };
  return (req, res) => {
    if (req.method !== 'OPTIONS') throw new ProblemError('method-not-allowed', { headers });
    res.status(204).set(headers).end();
  };
}

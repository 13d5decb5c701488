import { callbackList } from '../../domain/wire/callback.ts';
import type { HttpDeps } from '../deps.ts';
import * as examples from '../openapi/callback-examples.ts';
import { ProblemError } from '../problems.ts';
import { type Route, route } from '../route.ts';
import { callbackRedriven, callbacksQuery, noQuery } from '../schemas.ts';

/** The callbacks that were given up: to see why, and to send them again. */
export function callbackRoutes(deps: HttpDeps): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/callbacks',
      operationId: 'listCallbacks',
      tag: 'Operations',
      summary: 'Callbacks that were given up',
      description:
        'Those whose last try failed, whose endpoint answered 410, or whose address may not be called. Kept for a week.',
      access: 'admin',
      query: callbacksQuery,
      answers: { 200: { description: 'One page.', schema: callbackList, example: examples.callbackList } },
      problems: ['invalid-request'],
      handle: async ({ res, query: { limit, cursor } }) => {
        const query = { limit, ...(cursor === undefined ? {} : { cursor }) };
        res.json(await deps.deadCallbacks.list(query));
      },
    }),
    route({
      method: 'post',
      path: '/v1/callbacks/{id}/redrive',
      operationId: 'redriveCallback',
      tag: 'Operations',
      summary: 'Send one of them again',
      description: 'From the first try on, with the same `webhook-id` and the same body.',
      access: 'admin',
      params: { id: 'The id of the callback.' },
      query: noQuery,
      answers: {
        202: { description: 'On its way.', schema: callbackRedriven, example: examples.callbackRedriven },
      },
      problems: ['callback-not-found'],
      handle: async ({ req, res }) => {
        const id = String(req.params['id']);
        const found = await deps.deadCallbacks.redrive(id, deps.clock.nowMs());
        if (!found) throw new ProblemError('callback-not-found');
        res.status(202).json({ id, status: 'waiting' });
      },
    }),
  ];
}

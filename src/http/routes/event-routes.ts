import type { Request } from 'express';
import { parseEventId, type Place } from '../../app/run-events.ts';
import { InvalidInputError } from '../../domain/errors.ts';
import type { HttpDeps } from '../deps.ts';
import { EventStreams } from '../event-streams.ts';
import { type Route, route } from '../route.ts';
import { noQuery } from '../schemas.ts';
import { visibleRun } from '../visible-run.ts';
import { runIdOf } from './run-routes.ts';

/** What becomes of a run, told as it happens. */
export function eventRoutes(deps: HttpDeps): Route[] {
  const streams = new EventStreams(deps);
  return [
    route({
      method: 'get',
      path: '/v1/runs/{id}/events',
      operationId: 'streamRunEvents',
      tag: 'Runs',
      summary: 'Be told what becomes of a run',
      description:
        'Server-Sent Events. `status`: the run, whenever its status has changed. `output`: what was added to the ' +
        'output of a run with `follow: "stream"`. `done`: the run, once it has ended; the stream ends with it. Sent back as `Last-Event-ID`, the id of the last event goes on from there, at any ' +
        'process of the fleet. Comments come while nothing happens.',
      access: 'read',
      params: { id: 'The id of the run.' },
      headers: {
        'Last-Event-ID': { description: 'The id of the last event that you have.', example: '0.in_progress' },
      },
      query: noQuery,
      answers: {
        200: { description: 'The events.', contentType: 'text/event-stream' },
        204: { description: 'You have all of them, `done` too: do not come back.', contentType: null },
      },
      problems: ['invalid-request', 'run-not-found'],
      handle: async ({ req, res, caller }) => {
        const runId = runIdOf(req);
        const from = lastPlace(req);
        await visibleRun(deps.store, runId, caller);
        if (from?.done === true || req.method === 'HEAD') {
          res.status(from?.done === true ? 204 : 200).end();
        } else {
          await streams.serve(runId, from, res);
        }
      },
    }),
  ];
}

function lastPlace(req: Request): Place | null {
  const sent = req.get('Last-Event-ID');
  if (sent === undefined || sent === '') return null;
  const place = parseEventId(sent);
  if (place !== null) return place;
  const message = 'Not the id of an event of ours. Send back the `id` of the last event, or nothing.';
  throw new InvalidInputError([{ path: ['headers', 'Last-Event-ID'], message }]);
}

import type { Request } from 'express';
import { cancel } from '../../app/cancel.ts';
import { redrive } from '../../app/redrive.ts';
import { viewOf } from '../../app/view.ts';
import { RunNotFoundError } from '../../domain/errors.ts';
import { runList, type RunList, runView } from '../../domain/wire/run-view.ts';
import type { ListQuery } from '../../ports/run-store.ts';
import { may } from '../auth/caller.ts';
import type { HttpDeps } from '../deps.ts';
import * as examples from '../openapi/examples.ts';
import { type Route, route } from '../route.ts';
import { getQuery, listQuery, noQuery, redriveQuery } from '../schemas.ts';
import type { LongWaits } from '../long-waits.ts';
import { viewFor, visibleRun } from '../visible-run.ts';
import { redrivenView } from './accepted.ts';
import { refuseIdempotencyKey } from './submit-routes.ts';

const id = { id: 'The id of the run.' };

/** Runs that exist: read, list, cancel, redrive. */
export function runRoutes(deps: HttpDeps, waits: LongWaits): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/runs',
      operationId: 'listRuns',
      tag: 'Runs',
      summary: 'List runs, newest first',
      description: 'Outputs are left out here: read the run for them.',
      access: 'read',
      query: listQuery,
      answers: { 200: { description: 'One page.', schema: runList, example: examples.runList } },
      problems: ['invalid-request'],
      handle: async ({ res, query, caller }) => {
        const own = caller.name === null || may(caller, 'admin') ? {} : { owner: caller.name };
        const page = await deps.store.list({ ...withoutUndefined(query), ...own });
        const list: RunList = {
          object: 'list',
          data: page.runs.map((record) => viewOf(record, 'brief')),
          next_cursor: page.nextCursor,
        };
        res.json(list);
      },
    }),
    route({
      method: 'get',
      path: '/v1/runs/{id}',
      operationId: 'getRun',
      tag: 'Runs',
      summary: 'Read a run, or wait for its end',
      description:
        'With `wait` the answer comes as soon as the run has ended or asks for tools. It is 200 also when the ' +
        'time is over first: look at `status`.',
      access: 'read',
      params: id,
      query: getQuery,
      answers: { 200: { description: 'The run.', schema: runView, example: examples.completedRun } },
      problems: ['invalid-request', 'run-not-found'],
      handle: async ({ req, res, query, caller }) => {
        const runId = runIdOf(req);
        const waitMs = (query.wait ?? 0) * 1000;
        // An admin sees all there are; the wait itself says if there is none.
        const found = waitMs > 0 && may(caller, 'admin') ? null : await visibleRun(deps.store, runId, caller);
        const record = waitMs > 0 || found === null ? await waits.wait(runId, waitMs, res) : found;
        // Whoever asked has hung up.
        if (!res.destroyed) res.json(viewOf(record));
      },
    }),
    route({
      method: 'post',
      path: '/v1/runs/{id}/cancel',
      operationId: 'cancelRun',
      tag: 'Runs',
      summary: 'Cancel a run, at the provider too',
      description:
        'May be sent again. The run goes on to `cancelled`, or to where it got before the cancel came.',
      access: 'enqueue',
      params: id,
      query: noQuery,
      answers: {
        202: { description: 'The cancel is on record.', schema: runView, example: examples.acceptedRun },
        200: {
          description: 'The run had ended; nothing changed.',
          schema: runView,
          example: examples.completedRun,
        },
      },
      problems: ['run-not-found'],
      handle: async ({ req, res, caller }) => {
        const { spec } = await visibleRun(deps.store, runIdOf(req), caller);
        const record = await cancel(deps, spec.id);
        res.status(record.outcome === null ? 202 : 200).json(viewFor(record, caller));
      },
    }),
    route({
      method: 'post',
      path: '/v1/runs/{id}/redrive',
      operationId: 'redriveRun',
      tag: 'Runs',
      summary: 'Run an ended run again, as a new one',
      description: 'Each call makes one more run, but with `once`; it takes no `Idempotency-Key`.',
      access: 'enqueue',
      params: id,
      query: redriveQuery,
      answers: {
        202: {
          description: 'The new run.',
          headers: { Location: 'Where the new run is read.' },
          schema: runView,
          example: examples.acceptedRun,
        },
        200: {
          description: 'With `once`: it had been sent again before, as this run.',
          headers: { Location: 'Where that run is read.' },
          schema: runView,
          example: examples.acceptedRun,
        },
      },
      problems: [
        'run-not-found',
        'run-open',
        'not-redrivable',
        'backlog-full',
        'unavailable',
        'acceptance-unknown',
      ],
      handle: async ({ req, res, caller, query }) => {
        refuseIdempotencyKey(req);
        const first = await visibleRun(deps.store, runIdOf(req), caller);
        const nowMs = deps.clock.nowMs();
        const { runId, created } = await redrive({ ...deps, clock: { nowMs: () => nowMs } }, first.spec.id, {
          once: query.once ?? false,
        });
        res.location(`/v1/runs/${encodeURIComponent(runId)}`);
        if (created) res.status(202).json(redrivenView(first, runId, nowMs));
        else res.json(viewFor(await visibleRun(deps.store, runId, caller), caller));
      },
    }),
  ];
}

/** What can be no job's id is looked up nowhere: `:` would reach into other keys. */
const possibleId = /^[^:\p{Cc}]{1,256}$/u;

export function runIdOf(req: Request): string {
  const runId = String(req.params['id']);
  if (!possibleId.test(runId)) throw new RunNotFoundError(JSON.stringify(runId.slice(0, 64)));
  return runId;
}

function withoutUndefined(
  query: {
    readonly [Key in keyof ListQuery]: ListQuery[Key] | undefined;
  } & { readonly limit: number },
): ListQuery {
  const { limit, status, kind, dead, cursor } = query;
  return {
    limit,
    ...(status === undefined ? {} : { status }),
    ...(kind === undefined ? {} : { kind }),
    ...(dead === undefined ? {} : { dead }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

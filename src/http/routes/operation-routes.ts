import { durations } from '../../app/durations.ts';
import { durationList } from '../../domain/wire/durations.ts';
import type { HttpDeps, HttpLimits, Readiness } from '../deps.ts';
import * as examples from '../openapi/examples.ts';
import { ProblemError } from '../problems.ts';
import { type Route, route } from '../route.ts';
import { durationsQuery, health, noQuery, readiness } from '../schemas.ts';
import { quotaView } from '../../domain/wire/quota-view.ts';

/** What those who run the fleet ask for. Probes and scrapers carry no key, and nothing here is secret. */
export function operationRoutes(deps: HttpDeps, limits: HttpLimits): Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/quota',
      operationId: 'getQuota',
      tag: 'Operations',
      summary: 'Limits, use and waiting calls',
      access: 'read',
      query: noQuery,
      answers: {
        200: { description: 'The quota, per class of call.', schema: quotaView, example: examples.quota },
      },
      problems: ['not-implemented'],
      handle: async ({ res }) => {
        if (deps.quota === undefined) throw new ProblemError('not-implemented');
        res.json(await deps.quota());
      },
    }),
    route({
      method: 'get',
      path: '/v1/durations',
      operationId: 'listDurations',
      tag: 'Operations',
      summary: 'How long runs take, by class',
      description: 'What the fleet has learnt, and plans its looks by. Empty under the policy `backoff`.',
      // Classes are named by everybody's labels, models, templates and tools.
      access: 'admin',
      query: durationsQuery,
      answers: {
        200: { description: 'The classes last seen.', schema: durationList, example: examples.durationList },
      },
      problems: ['invalid-request'],
      handle: async ({ res, query }) => void res.json(await durations(deps.durations, query.limit)),
    }),
    route({
      method: 'get',
      path: '/healthz',
      operationId: 'health',
      tag: 'Operations',
      summary: 'Whether the process is alive',
      access: 'open',
      query: noQuery,
      answers: { 200: { description: 'Alive.', schema: health, example: examples.health } },
      handle: ({ res }) => void res.json({ status: 'ok' }),
    }),
    route({
      method: 'get',
      path: '/readyz',
      operationId: 'readiness',
      tag: 'Operations',
      summary: 'Whether it can work',
      access: 'open',
      query: noQuery,
      answers: {
        200: { description: 'Ready.', schema: readiness, example: examples.ready },
        503: { description: 'Not ready: `checks` says why.', schema: readiness, example: examples.notReady },
      },
      handle: async ({ res }) => {
        const answer = await withinTime(deps.readiness, limits.readinessMs);
        res.status(answer.ok ? 200 : 503).json(answer);
      },
    }),
    route({
      method: 'get',
      path: '/metrics',
      operationId: 'metrics',
      tag: 'Operations',
      summary: 'Metrics for Prometheus',
      access: 'open',
      query: noQuery,
      answers: { 200: { description: 'The metrics of this process.', contentType: 'text/plain' } },
      handle: async ({ res }) => {
        const { contentType, body } = await deps.metrics();
        res.set('Content-Type', contentType).send(body);
      },
    }),
  ];
}

/** A probe wants an answer, above all when what it asks about hangs. */
async function withinTime(ask: () => Promise<Readiness>, limitMs: number): Promise<Readiness> {
  const { promise: late, resolve } = Promise.withResolvers<Readiness>();
  const timer = setTimeout(() => resolve(failed(`No answer within ${limitMs} ms.`)), limitMs);
  try {
    return await Promise.race([ask(), late]);
  } catch {
    return failed('The checks could not be made.');
  } finally {
    clearTimeout(timer);
  }
}

function failed(detail: string): Readiness {
  return { ok: false, checks: { readiness: { ok: false, detail } } };
}

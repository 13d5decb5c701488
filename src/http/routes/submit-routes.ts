import type { Request } from 'express';
import { submit, type SubmitDeps, submitMany } from '../../app/submit.ts';
import { InvalidInputError, RunNotFoundError } from '../../domain/errors.ts';
import { runInput } from '../../domain/wire/run-input.ts';
import { runView } from '../../domain/wire/run-view.ts';
import type { HttpDeps } from '../deps.ts';
import * as examples from '../openapi/examples.ts';
import { bodyHash } from '../json-body.ts';
import { problemOf } from '../problems.ts';
import { type Route, route } from '../route.ts';
import { bulkInput, bulkOutput, maxBulkRuns, noQuery } from '../schemas.ts';
import { viewFor } from '../visible-run.ts';
import { acceptedView } from './accepted.ts';

const maxKeyLength = 255;

/** The ways in: one run, or many. */
export function submitRoutes(deps: HttpDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/runs',
      operationId: 'createRun',
      tag: 'Runs',
      summary: 'Accept a run',
      description:
        'The run is kept when this answers; a worker carries it to its end. With an `Idempotency-Key`, sending ' +
        'the same again is safe: it answers 200 with the first run.',
      access: 'enqueue',
      query: noQuery,
      headers: {
        'Idempotency-Key': {
          description: `Yours, 1 to ${maxKeyLength} characters, unique among your own. Remembered as long as results are.`,
          example: 'order-4711',
        },
      },
      body: { schema: runInput, example: examples.runInput },
      answers: {
        202: {
          description: 'Accepted.',
          headers: { Location: 'Where the run is read.' },
          schema: runView,
          example: examples.acceptedRun,
        },
        200: {
          description: 'The `Idempotency-Key` was seen before with the same body: this is the first run.',
          headers: { Location: 'Where the run is read.', 'Idempotent-Replayed': '`true`' },
          schema: runView,
          example: examples.acceptedRun,
        },
      },
      problems: ['idempotency-mismatch', 'backlog-full', 'unavailable', 'acceptance-unknown'],
      handle: async ({ req, res, body, caller }) => {
        const key = idempotencyKey(req);
        const nowMs = deps.clock.nowMs();
        const { runId, created } = await submit(at(deps, nowMs), body, {
          owner: caller.name,
          ...(key === null ? {} : { idempotency: { key, bodyHash: bodyHash(body) } }),
        });
        res.location(`/v1/runs/${encodeURIComponent(runId)}`);
        if (created) {
          res.status(202).json(acceptedView(deps, { id: runId, body, nowMs, owner: caller.name }));
          return;
        }
        const record = await deps.store.get(runId);
        if (record === null) throw new RunNotFoundError(runId);
        res.status(200).set('Idempotent-Replayed', 'true').json(viewFor(record, caller));
      },
    }),
    route({
      method: 'post',
      path: '/v1/runs/bulk',
      operationId: 'createRuns',
      tag: 'Runs',
      summary: `Accept up to ${maxBulkRuns} runs`,
      description:
        'Each is accepted or refused on its own. Takes no `Idempotency-Key`: send runs that must not be ' +
        'repeated one by one.',
      access: 'enqueue',
      query: noQuery,
      body: { schema: bulkInput, example: examples.bulkInput },
      answers: {
        200: { description: 'What became of each.', schema: bulkOutput, example: examples.bulkOutput },
      },
      problems: ['backlog-full', 'unavailable', 'acceptance-unknown'],
      handle: async ({ req, res, body, caller }) => {
        refuseIdempotencyKey(req);
        const envelope = bulkInput.safeParse(body);
        if (!envelope.success) throw new InvalidInputError(envelope.error.issues.map(envelopeError));
        const { runs } = envelope.data;
        const nowMs = deps.clock.nowMs();
        const results = runs.length === 0 ? [] : await submitMany(at(deps, nowMs), runs, caller.name);
        res.json({
          runs: results.map((result, index) =>
            'error' in result
              ? { error: problemOf('invalid-request', { fields: result.error.fields }) }
              : {
                  run: acceptedView(deps, { id: result.runId, body: runs[index], nowMs, owner: caller.name }),
                },
          ),
        });
      },
    }),
  ];
}

/** One time for the whole request, so that the answer says what was written. */
function at(deps: HttpDeps, nowMs: number): SubmitDeps {
  return { ...deps, clock: { nowMs: () => nowMs } };
}

function envelopeError(issue: { readonly path: readonly PropertyKey[]; readonly message: string }) {
  return { path: issue.path.map(String), message: issue.message };
}

function idempotencyKey(req: Request): string | null {
  const sent = req.headersDistinct['idempotency-key'];
  if (sent === undefined) return null;
  const [key = ''] = sent;
  if (sent.length > 1) throw headerError('Send it once.');
  if (key.length < 1 || key.length > maxKeyLength) throw headerError(`1 to ${maxKeyLength} characters.`);
  return key;
}

/** To take one and not heed it would promise what is not kept. */
export function refuseIdempotencyKey(req: Request): void {
  if (req.headersDistinct['idempotency-key'] !== undefined)
    throw headerError('This route does not take one.');
}

function headerError(message: string): InvalidInputError {
  return new InvalidInputError([{ path: ['headers', 'Idempotency-Key'], message }]);
}

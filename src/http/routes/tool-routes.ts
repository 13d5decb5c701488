import { submitToolOutputs } from '../../app/submit-tool-outputs.ts';
import { runView } from '../../domain/wire/run-view.ts';
import { toolOutputsInput } from '../../domain/wire/tool-outputs.ts';
import type { HttpDeps } from '../deps.ts';
import * as examples from '../openapi/examples.ts';
import { type Route, route } from '../route.ts';
import { noQuery } from '../schemas.ts';
import { runIdOf } from './run-routes.ts';
import { refuseIdempotencyKey } from './submit-routes.ts';
import { viewFor, visibleRun } from '../visible-run.ts';

/** The answers of those who run their tools themselves. */
export function toolRoutes(deps: HttpDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/runs/{id}/tool-outputs',
      operationId: 'submitToolOutputs',
      tag: 'Runs',
      summary: 'Answer the tool calls of a run',
      description:
        'In parts if need be: the run goes on once every call of `required_action` has its answer. The first answer ' +
        'to a call stands, so sending the same again is safe.',
      access: 'enqueue',
      params: { id: 'The id of the run.' },
      query: noQuery,
      body: { schema: toolOutputsInput, example: examples.toolOutputsInput },
      answers: {
        202: {
          description: 'The answers are kept. `required_action` lists what is still missing.',
          schema: runView,
          example: examples.askingRun,
        },
      },
      problems: ['run-not-found', 'tools-not-awaited'],
      handle: async ({ req, res, body, caller }) => {
        refuseIdempotencyKey(req);
        const { spec } = await visibleRun(deps.store, runIdOf(req), caller);
        res.status(202).json(viewFor(await submitToolOutputs(deps, spec.id, body), caller));
      },
    }),
  ];
}

/** The OpenAPI document, made from the routes and the schemas that check what goes in. Built once, at start. */

import * as z from 'zod';
import { callbackList, callbackPayload } from '../../domain/wire/callback.ts';
import { durationList } from '../../domain/wire/durations.ts';
import { runInput } from '../../domain/wire/run-input.ts';
import { problem, runList, runView } from '../../domain/wire/run-view.ts';
import { webhookEvent, webhookTaken } from '../../domain/wire/webhook.ts';
import { problemOf, type ProblemName, problemSorts } from '../problems.ts';
import type { AnswerDoc, RouteDoc } from '../route.ts';
import { toolOutputsInput } from '../../domain/wire/tool-outputs.ts';
import { bulkInput, bulkOutput, callbackRedriven, health, readiness } from '../schemas.ts';
import { quotaView } from '../../domain/wire/quota-view.ts';
import { problemFields } from './examples.ts';
import type { Answer, Content, JsonSchema, OpenApiDocument, Operation, Parameter } from './types.ts';

type DocumentedRoute = RouteDoc & { readonly query: z.ZodObject };

/** What callers send is described as they may send it (`input`), what they get as it comes (`output`). */
const inputs: ReadonlyMap<z.ZodType, string> = new Map<z.ZodType, string>([
  [runInput, 'RunInput'],
  [bulkInput, 'BulkInput'],
  [toolOutputsInput, 'ToolOutputsInput'],
  [webhookEvent, 'WebhookEvent'],
]);
const outputs: ReadonlyMap<z.ZodType, string> = new Map<z.ZodType, string>([
  [runView, 'Run'],
  [runList, 'RunList'],
  [bulkOutput, 'BulkOutput'],
  [problem, 'Problem'],
  [webhookTaken, 'WebhookTaken'],
  [quotaView, 'Quota'],
  [callbackPayload, 'Callback'],
  [callbackList, 'CallbackList'],
  [callbackRedriven, 'CallbackRedriven'],
  [durationList, 'DurationList'],
  [health, 'Health'],
  [readiness, 'Readiness'],
]);

export function openApiDocument(routes: readonly DocumentedRoute[]): OpenApiDocument {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method] = operation(route);
  return {
    openapi: '3.1.0',
    info: {
      title: 'runfleet',
      version: '1',
      description:
        'Carries asynchronous OpenAI runs to their end with the fewest API calls. Times are ISO 8601 in UTC; ' +
        'durations are in the unit of their name. Errors are `application/problem+json` (RFC 9457). Every ' +
        'answer has an `X-Request-Id`.',
    },
    tags: [
      { name: 'Runs', description: 'Send runs, read them, end them.' },
      { name: 'Operations', description: 'For those who run the fleet.' },
    ],
    paths,
    webhooks: { callback: { post: callbackOperation } },
    components: {
      schemas: { ...components(inputs, 'input'), ...components(outputs, 'output') },
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key. Not needed where none is set up.' },
      },
    },
  };
}

/** What we send, where a run has a `callback.url`. */
const callbackOperation: Operation = {
  operationId: 'callback',
  tags: ['Runs'],
  summary: 'A run has ended, or waits for its caller',
  description:
    'POSTed to `callback.url` of a run, signed after Standard Webhooks. At least once: `webhook-id` is the same in every try.',
  security: [],
  parameters: ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => ({
    name,
    in: 'header',
    required: true,
    description: 'As Standard Webhooks has it.',
    schema: { type: 'string' },
  })),
  requestBody: {
    required: true,
    content: { 'application/json': { schema: ref(callbackPayload) } },
  },
  responses: {
    '2XX': { description: 'Taken. Anything else, or no answer in time: it is sent again.' },
  },
};

function components(schemas: ReadonlyMap<z.ZodType, string>, io: 'input' | 'output') {
  const registry = z.registry<{ id: string }>();
  for (const [schema, id] of schemas) registry.add(schema, { id });
  const made = z.toJSONSchema(registry, { io, uri: (id) => `#/components/schemas/${id}` });
  return Object.fromEntries(Object.entries(made.schemas).map(([id, schema]) => [id, bare(schema)]));
}

/** Without what a document of its own would need, and a part of ours must not have. */
function bare(schema: object): JsonSchema {
  return Object.fromEntries(
    Object.entries(schema).filter(([key]) => key !== '$schema' && key !== '$id' && key !== '~standard'),
  );
}

function operation(route: DocumentedRoute): Operation {
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    security: route.access === 'open' ? [] : [{ key: [route.access] }],
    parameters: parameters(route),
    ...requestBody(route.body ?? route.rawBody),
    responses: {
      ...problemAnswers(problemsOf(route)),
      ...Object.fromEntries(Object.entries(route.answers).map(([status, doc]) => [status, answer(doc)])),
    },
  };
}

function requestBody(body: RouteDoc['body']): Pick<Operation, 'requestBody'> {
  if (body === undefined) return {};
  const content = { 'application/json': { schema: ref(body.schema), example: body.example } };
  return { requestBody: { required: true, content } };
}

function parameters(route: DocumentedRoute): Parameter[] {
  const path = Object.entries(route.params ?? {}).map(([name, description]): Parameter => ({
    name,
    in: 'path',
    required: true,
    description,
    schema: { type: 'string' },
  }));
  const { properties = {}, required = [] } = z.toJSONSchema(route.query, { io: 'input' });
  const query = Object.entries(properties).map(([name, property]): Parameter => {
    const { description = '', ...schema } = typeof property === 'boolean' ? {} : property;
    return { name, in: 'query', required: required.includes(name), description, schema };
  });
  const headers = Object.entries(route.headers ?? {}).map(([name, { description, example }]): Parameter => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string', minLength: 1, maxLength: 255 },
    example,
  }));
  return [...path, ...query, ...headers];
}

function answer(doc: AnswerDoc): Answer {
  if (doc.contentType === null) return { description: doc.description };
  const content: Content =
    doc.schema === undefined
      ? { [doc.contentType ?? 'application/json']: { schema: { type: 'string' } } }
      : { 'application/json': { schema: ref(doc.schema), ...withExample(doc.example) } };
  const headers = Object.entries(doc.headers ?? {}).map(
    ([name, description]) => [name, { description, schema: { type: 'string' } }] as const,
  );
  return {
    description: doc.description,
    ...(headers.length === 0 ? {} : { headers: Object.fromEntries(headers) }),
    content,
  };
}

function withExample(example: unknown): { readonly example?: unknown } {
  return example === undefined ? {} : { example };
}

function ref(schema: z.ZodType): JsonSchema {
  const name = inputs.get(schema) ?? outputs.get(schema);
  if (name === undefined) throw new TypeError('A schema of a route has no name in the OpenAPI document.');
  return { $ref: `#/components/schemas/${name}` };
}

/** Those of the route's own, and those that what it is brings with it. */
function problemsOf(route: DocumentedRoute): ProblemName[] {
  const names = new Set<ProblemName>(route.problems);
  if (route.access !== 'open')
    for (const name of ['unauthorized', 'missing-scope', 'unavailable'] as const) names.add(name);
  if (route.body !== undefined) {
    for (const name of ['invalid-request', 'invalid-json', 'too-large', 'unsupported-type'] as const) {
      names.add(name);
    }
  }
  names.add('internal');
  return [...names];
}

function problemAnswers(names: readonly ProblemName[]): Record<string, Answer> {
  return Object.fromEntries(
    Array.from(
      Map.groupBy(names, (name) => problemSorts[name].status),
      ([status, ofStatus]) => {
        const [first] = ofStatus;
        const example = problemOf(
          first ?? 'internal',
          first === 'invalid-request' ? { fields: problemFields } : {},
        );
        return [
          String(status),
          {
            description: ofStatus.map((name) => problemSorts[name].title).join(' Or: '),
            content: { 'application/problem+json': { schema: ref(problem), example } },
          },
        ];
      },
    ),
  );
}

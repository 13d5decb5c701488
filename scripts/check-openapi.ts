/**
 * Holds the simulator's answers against OpenAI's published OpenAPI document.
 *
 *   node scripts/check-openapi.ts path/to/openapi.json
 *
 * The document is not part of this repository: it is `openapi.json` of github.com/openai/openai-openapi. Starts the
 * simulator, walks through every operation with every ending and checks each answer against the schema that the
 * document gives for that path, method and status. Exits 1 when one does not fit.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import * as z from 'zod';

import { startSimulator } from '../src/simulator/index.ts';
import type { Simulator } from '../src/simulator/index.ts';

type Json = Record<string, unknown>;

const jsonObject = z.record(z.string(), z.unknown());
const SCHEMA_PREFIX = '#/components/schemas/';

/** OpenAPI's schemas as plain JSON Schema: `nullable` and the place of the definitions are all that differs. */
function toJsonSchema(node: unknown): unknown {
  if (Array.isArray(node)) return node.map((item) => toJsonSchema(item));
  const object = jsonObject.safeParse(node).data;
  if (object === undefined) return node;
  const { nullable, discriminator: _, ...rest } = object;
  const converted: Json = {};
  for (const [key, value] of Object.entries(rest)) {
    converted[key] =
      key === '$ref' && typeof value === 'string'
        ? value.replace(SCHEMA_PREFIX, '#/$defs/')
        : toJsonSchema(value);
  }
  if (nullable !== true) return converted;
  // `{"nullable": true}` beside a reference widens the reference, so it must not narrow anything by itself.
  return Object.keys(converted).length === 0 ? {} : { anyOf: [converted, { type: 'null' }] };
}

function at(node: unknown, ...keys: string[]): unknown {
  return keys.reduce((found: unknown, key) => jsonObject.safeParse(found).data?.[key], node);
}

class Document {
  readonly #paths: Json;
  readonly #defs: Json;
  readonly #compiled = new Map<string, z.ZodType>();

  constructor(file: string) {
    const root = jsonObject.parse(JSON.parse(readFileSync(file, 'utf8')));
    this.#paths = jsonObject.parse(root['paths']);
    this.#defs = jsonObject.parse(toJsonSchema(jsonObject.parse(root['components'])['schemas']));
  }

  /** `null` where the document promises nothing about the body. */
  schemaFor(path: string, method: string, status: number): z.ZodType | null {
    if (status >= 400) return this.#compile({ $ref: '#/$defs/ErrorResponse' });
    const answers = at(this.#paths, path, method.toLowerCase(), 'responses', String(status));
    const schema = at(answers, 'content', 'application/json', 'schema');
    return schema === undefined ? null : this.#compile(toJsonSchema(schema));
  }

  #compile(schema: unknown): z.ZodType {
    const key = JSON.stringify(schema);
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const whole = { ...jsonObject.parse(schema), $defs: this.#defs };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it comes from the document as it is
    const compiled = z.fromJSONSchema(whole as z.core.JSONSchema.JSONSchema);
    this.#compiled.set(key, compiled);
    return compiled;
  }
}

/** The real API answers null for the ends of an empty list, though its document says string. */
function withoutKnownDeviation(body: Json): Json {
  const empty = Array.isArray(body['data']) && body['data'].length === 0;
  return empty && body['first_id'] === null ? { ...body, first_id: '', last_id: '' } : body;
}

interface Tally {
  checked: Map<string, number>;
  problems: string[];
}

/** Calls one documented operation and checks the answer. `path` has the document's placeholders. */
type CallApi = (
  method: string,
  path: string,
  given?: { ids?: Record<string, string>; body?: unknown; query?: string; key?: string; note?: string },
) => Promise<Json>;

function caller(simulator: Simulator, document: Document, tally: Tally): CallApi {
  return async (method, path, given = {}) => {
    const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => given.ids?.[name] ?? 'missing');
    const answer = await fetch(`${simulator.baseUrl}${url}${given.query ?? ''}`, {
      method,
      headers: {
        authorization: `Bearer ${given.key ?? 'good'}`,
        'openai-beta': 'assistants=v2',
        'content-type': 'application/json',
      },
      ...(given.body === undefined
        ? {}
        : { body: typeof given.body === 'string' ? given.body : JSON.stringify(given.body) }),
    });
    const body = jsonObject.parse(await answer.json());
    const status = typeof body['status'] === 'string' ? ` ${body['status']}` : '';
    const label = `${method} ${path} → ${answer.status}${status}`;
    tally.checked.set(label, (tally.checked.get(label) ?? 0) + 1);
    const schema = document.schemaFor(path, method, answer.status);
    const result = schema?.safeParse(withoutKnownDeviation(body));
    if (result?.success === false) {
      tally.problems.push(
        `${label} ${given.note ?? ''}\n${z.prettifyError(result.error)}\n${JSON.stringify(body)}`,
      );
    }
    return body;
  };
}

const idOf = (body: Json): string => z.string().parse(body['id']);

/** Looks until the status is one of those, checking each look. */
async function until(look: () => Promise<Json>, statuses: readonly string[]): Promise<Json> {
  for (let i = 0; i < 1000; i++) {
    const body = await look();
    if (statuses.includes(String(body['status']))) return body;
    await sleep(5);
  }
  throw new Error(`Never reached ${statuses.join(' or ')}.`);
}

const ENDED = ['completed', 'failed', 'incomplete', 'cancelled', 'expired'];
const ENDINGS = ['completed', 'failed', 'incomplete', 'cancelled', 'expired'];
const PARAMETERS = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };

async function walkResponses(call: CallApi): Promise<void> {
  const one = '/responses/{response_id}';
  const retrieve = (id: string) => () => call('GET', one, { ids: { response_id: id } });
  for (const ending of ENDINGS) {
    const metadata = { sim_ending: ending, sim_duration_ms: '40', sim_queue_ms: '15' };
    const created = await call('POST', '/responses', {
      body: { model: 'gpt', input: 'Hello', background: true, metadata },
      note: ending,
    });
    const id = idOf(created);
    await until(retrieve(id), ENDED);
    await call('GET', `${one}/input_items`, { ids: { response_id: id } });
    await call('POST', `${one}/cancel`, { ids: { response_id: id } });
    await call('DELETE', one, { ids: { response_id: id } });
  }
  const tools = [{ type: 'function', name: 'weather', parameters: PARAMETERS }, { type: 'web_search' }];
  const metadata = { sim_tool_rounds: '1', sim_tool_calls: '2', sim_duration_ms: '10' };
  const asking = idOf(
    await call('POST', '/responses', {
      body: { model: 'gpt', input: 'Weather?', background: true, tools, metadata },
    }),
  );
  const asked = await until(retrieve(asking), ENDED);
  const calls = z.array(z.object({ call_id: z.string() })).parse(asked['output']);
  const input = calls.map(({ call_id }) => ({ type: 'function_call_output', call_id, output: 'sunny' }));
  const followUp = { model: 'gpt', previous_response_id: asking, tools };
  await call('POST', '/responses', { body: { ...followUp, input: 'No outputs' } });
  const answered = idOf(await call('POST', '/responses', { body: { ...followUp, input } }));
  await call('GET', `${one}/input_items`, { ids: { response_id: answered } });
  const running = {
    model: 'gpt',
    input: [{ role: 'user', content: 'Hi' }],
    metadata: { sim_ending: 'never' },
  };
  const conversation = { ...running, background: true, conversation: 'conv_1' };
  const locked = idOf(await call('POST', '/responses', { body: conversation }));
  await call('POST', '/responses', { body: conversation });
  await call('POST', `${one}/cancel`, { ids: { response_id: locked } });
  await call('GET', `${one}/input_items`, { ids: { response_id: locked }, query: '?limit=1&order=asc' });
}

async function walkAssistants(call: CallApi): Promise<void> {
  const one = '/threads/{thread_id}/runs/{run_id}';
  const tool = { type: 'function', function: { name: 'weather', parameters: PARAMETERS } };
  const assistant = await call('POST', '/assistants', { body: { model: 'gpt', name: 'Ann', tools: [tool] } });
  const assistantId = idOf(assistant);
  await call('GET', '/assistants/{assistant_id}', { ids: { assistant_id: assistantId } });
  const thread = { thread_id: idOf(await call('POST', '/threads', { body: {} })) };
  await call('GET', '/threads/{thread_id}', { ids: thread });
  await call('GET', '/threads/{thread_id}/runs', { ids: thread });
  for (const ending of [...ENDINGS, 'tools', 'cancelled by us']) {
    await call('POST', '/threads/{thread_id}/messages', {
      ids: thread,
      body: { role: 'user', content: 'Hi' },
    });
    const known = ending === 'cancelled by us' ? 'never' : ending;
    const metadata = { sim_ending: known, sim_duration_ms: '40', sim_queue_ms: '15' };
    const body = { assistant_id: assistantId, metadata };
    const run = idOf(await call('POST', '/threads/{thread_id}/runs', { ids: thread, body, note: ending }));
    const ids = { ...thread, run_id: run };
    const retrieve = () => call('GET', one, { ids });
    if (ending === 'cancelled by us') await call('POST', `${one}/cancel`, { ids });
    if (ending === 'tools') {
      const asking = await until(retrieve, ['requires_action']);
      await call('GET', `${one}/steps`, { ids });
      const action = z.object({
        submit_tool_outputs: z.object({ tool_calls: z.array(z.object({ id: z.string() })) }),
      });
      const { tool_calls } = action.parse(asking['required_action']).submit_tool_outputs;
      await call('POST', `${one}/submit_tool_outputs`, { ids, body: { tool_outputs: [] } });
      const tool_outputs = tool_calls.map(({ id }) => ({ tool_call_id: id, output: 'sunny' }));
      await call('POST', `${one}/submit_tool_outputs`, { ids, body: { tool_outputs } });
    } else {
      // A second run on a busy thread, a message to it: both are refused.
      await call('POST', '/threads/{thread_id}/runs', { ids: thread, body });
      await call('POST', '/threads/{thread_id}/messages', {
        ids: thread,
        body: { role: 'user', content: 'No' },
      });
    }
    await until(retrieve, ENDED);
    await call('GET', `${one}/steps`, { ids });
    await call('POST', `${one}/cancel`, { ids });
  }
  await call('GET', '/threads/{thread_id}/messages', { ids: thread });
  await call('GET', '/threads/{thread_id}/runs', { ids: thread, query: '?limit=2' });
  await call('POST', '/threads/runs', {
    body: { assistant_id: 'asst_any', thread: { messages: [{ role: 'user', content: 'Hi' }] } },
  });
}

async function walkErrors(call: CallApi, simulator: Simulator): Promise<void> {
  await call('POST', '/responses', { body: '{"model":' });
  await call('POST', '/responses', { body: { input: 'no model' } });
  await call('POST', '/responses', { body: { model: 'gpt', input: 'x', previous_response_id: 'resp_0' } });
  await call('GET', '/responses/{response_id}', { ids: { response_id: 'resp_0' } });
  await call('GET', '/responses/{response_id}', { key: 'wrong' });
  await call('GET', '/responses/{response_id}', { key: 'forbidden' });
  await call('GET', '/no/such/path');
  simulator.configure({ maxBodyBytes: 10 });
  await call('POST', '/responses', { body: { model: 'gpt', input: 'too long by far' } });
  for (const status of [429, 500, 503]) {
    simulator.setFaults({ rules: [{ operation: '*', fault: { type: 'http_error', status }, next: 1 }] });
    await call('GET', '/threads/{thread_id}');
  }
  simulator.configure({ requestsPerMinute: 1 });
  await call('GET', '/threads/{thread_id}');
  await call('GET', '/threads/{thread_id}');
}

const file = process.argv[2];
if (file === undefined) {
  process.stderr.write('Usage: node scripts/check-openapi.ts path/to/openapi.json\n');
  process.exitCode = 2;
} else {
  await using simulator = await startSimulator({
    apiKeys: ['good'],
    forbiddenApiKeys: ['forbidden'],
    cancellingMs: 30,
    submitLagMs: 20,
  });
  const tally: Tally = { checked: new Map(), problems: [] };
  const call = caller(simulator, new Document(file), tally);
  await walkResponses(call);
  await walkAssistants(call);
  await walkErrors(call, simulator);
  const lines = [...tally.checked.keys()].sort();
  const answers = [...tally.checked.values()].reduce((sum, n) => sum + n, 0);
  process.stdout.write(`${lines.join('\n')}\n\n${tally.problems.join('\n\n')}\n`);
  process.stdout.write(`${answers} answers of ${lines.length} sorts, ${tally.problems.length} do not fit.\n`);
  process.exitCode = tally.problems.length > 0 ? 1 : 0;
}

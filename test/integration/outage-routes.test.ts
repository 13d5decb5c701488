/** Every route while Redis is away, and after it is back: taken from the document, so that none can be forgotten. */

import { describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import type { RunView } from '../../src/client/index.ts';
import { freePort } from '../../src/runtime/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { aResponse, simulated } from '../support/fleet.ts';
import { SseReader } from '../support/http/sse-reader.ts';
import { type Answer, knock } from '../support/knock.ts';
import { LocalFleet } from '../support/local-fleet.ts';
import { useRedis } from '../support/redis.ts';
import { RealRedis } from '../support/redis-server.ts';
import { required } from '../support/required.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { anEvent, signedWebhook, webhookSecret } from '../support/webhooks.ts';

const redis = useRedis();
/** A command of the API may take 5 s. */
const mostMs = 10_000;

/** Runs to ask about. */
interface Scene {
  readonly fleet: LocalFleet;
  readonly open: RunView;
  readonly ended: RunView;
  /** It waits for its caller to answer a tool. */
  readonly asking: RunView;
}

interface Request {
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Case {
  readonly request: (scene: Scene) => Request;
  /** `refused`: 503 as a problem, with `Retry-After`. */
  readonly during: 'refused' | 'not ready' | 200;
  /** Any of these. */
  readonly after: readonly number[];
}

const plain = (path: string): Case => ({ request: () => ({ path }), during: 200, after: [200] });
const reading = (path: (scene: Scene) => string, after = 200): Case => ({
  request: (scene) => ({ path: path(scene) }),
  during: 'refused',
  after: [after],
});
const webhook = (): Request => ({
  path: '/v1/webhooks/openai',
  ...signedWebhook(anEvent('resp_of_somebody')),
});

/** By `operationId`. */
const cases: Readonly<Record<string, readonly Case[]>> = {
  createRun: [
    { request: () => ({ path: '/v1/runs', body: aResponse({}) }), during: 'refused', after: [202] },
    {
      request: () => ({ path: '/v1/runs', body: aResponse({}), headers: { 'idempotency-key': 'one' } }),
      during: 'refused',
      // A Redis that hung has read the first try's reservation meanwhile.
      after: [202, 200],
    },
  ],
  createRuns: [
    {
      request: () => ({ path: '/v1/runs/bulk', body: { runs: [aResponse({})] } }),
      during: 'refused',
      after: [200],
    },
  ],
  listRuns: [
    reading(() => '/v1/runs'),
    reading(() => '/v1/runs?status=completed&kind=responses'),
    reading(() => '/v1/runs?dead=true'),
  ],
  getRun: [
    reading(({ open }) => `/v1/runs/${open.id}`),
    reading(({ open }) => `/v1/runs/${open.id}?wait=1`),
    reading(({ ended }) => `/v1/runs/${ended.id}?wait=60`),
    reading(() => '/v1/runs/run_of_nobody', 404),
  ],
  submitToolOutputs: [
    {
      request: ({ asking }) => ({
        path: `/v1/runs/${asking.id}/tool-outputs`,
        body: {
          tool_outputs: (asking.required_action?.tool_calls ?? []).map(({ id }) => ({
            tool_call_id: id,
            output: '4',
          })),
        },
      }),
      during: 'refused',
      after: [202],
    },
  ],
  redriveRun: [reading(({ ended }) => `/v1/runs/${ended.id}/redrive`, 202)],
  cancelRun: [reading(({ ended }) => `/v1/runs/${ended.id}/cancel`, 200)],
  streamRunEvents: [reading(({ ended }) => `/v1/runs/${ended.id}/events`)],
  // Refused, so that the provider sends it again.
  receiveOpenAiWebhook: [{ request: webhook, during: 'refused', after: [200] }],
  listCallbacks: [reading(() => '/v1/callbacks')],
  redriveCallback: [reading(() => '/v1/callbacks/cb_of_nobody/redrive', 404)],
  listDurations: [reading(() => '/v1/durations')],
  getQuota: [reading(() => '/v1/quota')],
  readiness: [{ request: () => ({ path: '/readyz' }), during: 'not ready', after: [200] }],
  health: [plain('/healthz')],
  metrics: [plain('/metrics')],
  openapi: [plain('/openapi.json')],
  docs: [plain('/docs')],
  board: [
    plain('/board/'),
    // What its page asks for.
    reading(() => '/board/api/queues'),
  ],
};

const openApi = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.object({ operationId: z.string() }))),
});

/** `operationId` → method. */
async function documented({ apiUrl }: LocalFleet): Promise<Map<string, string>> {
  const { paths } = openApi.parse(await (await fetch(`${apiUrl}/openapi.json`)).json());
  return new Map(
    Object.values(paths).flatMap((methods) =>
      Object.entries(methods).map(([method, { operationId }]) => [operationId, method.toUpperCase()]),
    ),
  );
}

async function started(redisUrl: string, prefix: string): Promise<Scene> {
  const fleet = await LocalFleet.start({
    redis: { url: redisUrl, prefix: () => prefix },
    env: {
      OPENAI_WEBHOOK_SECRET: webhookSecret,
      RUNFLEET_RPM: '6000',
      RUNFLEET_METRICS_PORT: String(await freePort()),
    },
  });
  const ended = await fleet.client.runs.createAndWait(aResponse({ duration_ms: 0, ending: 'failed' }));
  const tools = [{ type: 'function', name: 'ask_me', parameters: { type: 'object' } }];
  const metadata = simulated({ duration_ms: 0, tool_rounds: 1, tool_calls: 1 });
  const { id } = await fleet.client.runs.create({
    kind: 'responses',
    request: { model: 'gpt-5', input: 'Hello', tools, metadata },
    tools: { mode: 'manual' },
  });
  const asking = await eventually(
    'a run to ask',
    () => fleet.client.runs.get(id),
    ({ required_action }) => required_action !== null,
  );
  const created = await fleet.client.runs.create(aResponse({ ending: 'never' }));
  const open = await eventually(
    'a run to be followed',
    () => fleet.client.runs.get(created.id),
    ({ status }) => status === 'in_progress',
  );
  return { fleet, open, ended, asking };
}

interface Told {
  readonly name: string;
  readonly one: Case;
  readonly answer: Answer;
}

async function askAll(scene: Scene): Promise<Told[]> {
  const methods = await documented(scene.fleet);
  expect([...methods.keys()].toSorted()).toEqual(Object.keys(cases).toSorted());
  const all = [...methods].flatMap(([operationId, method]) =>
    required(cases[operationId]).map((one) => ({ one, method })),
  );
  return await Promise.all(
    all.map(async ({ one, method }) => {
      const { path, body, headers } = one.request(scene);
      return {
        name: `${method} ${path}`,
        one,
        answer: await knock(scene.fleet, method, path, body, headers),
      };
    }),
  );
}

/** What is wrong with an answer of the time without Redis. */
function wrongsOf({ name, one, answer }: Told): string[] {
  const { status, retryAfter, type, text, tookMs } = answer;
  const isRefusal = one.during === 'refused';
  const wrongs: readonly (readonly [boolean, string])[] = [
    [status !== (one.during === 200 ? 200 : 503), `is ${status}`],
    [isRefusal && !(Number(retryAfter) > 0), 'does not say when to come back'],
    [isRefusal && type?.startsWith('application/problem+json') !== true, `is no problem, but ${type}`],
    [one.during !== 200 && /node_modules|\.ts:|"stack"/.test(text), `tells of the inside: ${text}`],
    [tookMs > mostMs, `took ${tookMs} ms`],
  ];
  return wrongs.filter(([isWrong]) => isWrong).map(([, wrong]) => `${name} ${wrong}`);
}

/** What a worker shows of itself. */
async function pagesOf({ workers }: LocalFleet): Promise<Record<string, number>> {
  const apiUrl = required(workers[0]?.urls.metrics);
  const paths = ['/metrics', '/healthz', '/readyz'];
  const answers = await Promise.all(paths.map((path) => knock({ apiUrl }, 'GET', path)));
  return Object.fromEntries(paths.map((path, at) => [path, answers[at]?.status ?? 0]));
}

/** Reads a stream of events on to its `done`, over as many connections as it takes. */
async function readOn(url: string, first: SseReader, lastId: string): Promise<string[]> {
  const seen: string[] = [];
  let reader = first;
  for (let id = lastId; ;) {
    const event = await reader.next().catch(() => null);
    if (event === null) {
      await reader.cancel().catch(() => {});
      reader = await SseReader.open(url, id);
      continue;
    }
    id = event.id;
    seen.push(String(event.data['status']));
    if (event.type === 'done') return seen;
  }
}

/** Redis goes and comes back. Resolves with what was wrong. */
async function survives(
  scene: Scene,
  away: () => Promise<void>,
  back: () => Promise<void>,
): Promise<string[]> {
  const { fleet, open } = scene;
  const url = `${fleet.apiUrl}/v1/runs/${open.id}/events`;
  const stream = await SseReader.open(url);
  const first = required(await stream.next());
  expect(first).toMatchObject({ type: 'status', data: { status: 'in_progress' } });

  await away();
  const [during, pages] = await Promise.all([askAll(scene), pagesOf(fleet)]);
  await back();
  expect(pages).toEqual({ '/metrics': 200, '/healthz': 200, '/readyz': 503 });
  const wrongs = during.flatMap(wrongsOf);

  await eventually(
    'the API to be ready',
    () => knock(fleet, 'GET', '/readyz'),
    ({ status }) => status === 200,
  );
  await eventually(
    'the worker to be ready',
    () => pagesOf(fleet),
    (now) => now['/readyz'] === 200,
  );
  for (const { name, one, answer } of await askAll(scene))
    if (!one.after.includes(answer.status)) wrongs.push(`${name} is ${answer.status} afterwards`);
  // The stream that was open all the while tells the rest, once.
  const rest = readOn(url, stream, first.id);
  await fleet.client.runs.cancel(open.id);
  const statuses = await rest;
  expect(statuses.at(-1)).toBe('cancelled');
  expect(new Set(statuses).size).toBe(statuses.length);
  expect(statuses).not.toContain('in_progress');
  return wrongs;
}

it('every connection breaks, and none is to be had', async () => {
  const wire = await TcpProxy.to(redis.port);
  onTestFinished(() => wire[Symbol.asyncDispose]());
  const scene = await started(wire.redisUrl, redis.prefix());
  const wrongs = await survives(
    scene,
    () => wire.cut(),
    () => wire.restore(),
  );
  expect(wrongs).toEqual([]);
});

describe('a Redis of its own', () => {
  it('says nothing more, with its connections open', async () => {
    const server = await RealRedis.start();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const scene = await started(server.url, '{runfleet}');
    const wrongs = await survives(
      scene,
      () => Promise.resolve(server.freeze()),
      () => Promise.resolve(server.thaw()),
    );
    expect(wrongs).toEqual([]);
  });
});

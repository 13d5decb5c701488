import { Backlog } from '../../../src/app/backlog.ts';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { createApp } from '../../../src/http/app.ts';
import { type ApiKey, keyRing } from '../../../src/http/auth/key-ring.ts';
import type { HttpDeps } from '../../../src/http/deps.ts';
import type { RequestProblem } from '../../../src/ports/run-provider.ts';
import { FakeCallbackRules, noDeadCallbacks } from '../fakes/callbacks.ts';
import { FakeDurationStore } from '../fakes/duration-store.ts';
import { FakeEventBus } from '../fakes/event-bus.ts';
import { FakeIdempotencyStore } from '../fakes/idempotency-store.ts';
import { ManualClock } from '../fakes/manual-clock.ts';
import { FakeRunStore } from '../fakes/run-store.ts';
import { FakeToolAnswers } from '../fakes/tool-answers.ts';
import { FakeWebhookInbox } from '../fakes/webhooks.ts';
import { FakeStreamLedger } from '../fakes/stream-ledger.ts';
import { SeededRandomness } from '../fakes/seeded-randomness.ts';

export interface TestApp {
  readonly url: string;
  readonly server: Server;
  readonly clock: ManualClock;
  readonly store: FakeRunStore;
  readonly answers: FakeToolAnswers;
  readonly events: FakeEventBus;
  readonly streams: FakeStreamLedger;
  readonly idempotency: FakeIdempotencyStore;
  readonly durations: FakeDurationStore;
  /** Everything that was logged, at debug level, one entry a line. */
  readonly log: Record<string, unknown>[];
  readonly stop: AbortController;
  /** With a JSON body, if there is one. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
}

/** The deps of an app over fakes; also for tests that need no server. */
export function fakeDeps() {
  const clock = new ManualClock();
  const store = new FakeRunStore(clock);
  const events = new FakeEventBus();
  const idempotency = new FakeIdempotencyStore();
  const durations = new FakeDurationStore(clock);
  const streams = new FakeStreamLedger(clock);
  const stop = new AbortController();
  const log: Record<string, unknown>[] = [];
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      log.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const answers = new FakeToolAnswers();
  const toolOutputLimits = { eachBytes: 1000, totalBytes: 1500 };
  const deps: HttpDeps = {
    store,
    events,
    webhooks: { verifier: null, inbox: new FakeWebhookInbox(), clock, note: () => {} },
    answers,
    output: streams,
    idempotency,
    backlog: new Backlog(store, clock, Infinity),
    clock,
    randomness: new SeededRandomness(),
    defaultDeadlineSeconds: 600,
    accountNames: ['default', 'eu', 'any'],
    kinds: {
      responses: {
        validate: needs('model'),
        laneOf: textOf('conversation'),
        traitsOf: () => ({}),
        canFind: () => false,
        toolOutputLimits,
      },
      assistants: {
        validate: needs('assistant_id'),
        laneOf: textOf('thread_id'),
        traitsOf: () => ({}),
        canFind: () => false,
        toolOutputLimits,
      },
    },
    callbacks: new FakeCallbackRules(),
    deadCallbacks: noDeadCallbacks,
    keys: keyRing([]),
    readiness: () => Promise.resolve({ ok: true, checks: { redis: { ok: true } } }),
    metrics: () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' }),
    durations,
    boardQueues: [],
    logger: pino({ level: 'debug' }, sink),
    stopping: stop.signal,
  };
  return { deps, answers, clock, store, durations, events, streams, idempotency, stop, log };
}

interface Overrides extends Partial<HttpDeps> {
  readonly apiKeys?: readonly ApiKey[];
}

/** The app on a port of its own, until the test is finished. */
export async function startApp({ apiKeys = [], ...overrides }: Overrides = {}): Promise<TestApp> {
  const { deps, ...fakes } = fakeDeps();
  const server = createServer(createApp({ ...deps, keys: keyRing(apiKeys), ...overrides }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port.');
  const url = `http://127.0.0.1:${address.port}`;
  return {
    ...fakes,
    server,
    url,
    call: (method, path, body, headers = {}) =>
      fetch(url + path, {
        method,
        redirect: 'manual',
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
  };
}

function needs(field: string) {
  return (request: Readonly<Record<string, unknown>>): RequestProblem[] =>
    typeof request[field] === 'string' ? [] : [{ path: [field], message: 'Required.' }];
}

function textOf(field: string) {
  return (request: Readonly<Record<string, unknown>>): string | null => {
    const value = request[field];
    return typeof value === 'string' ? value : null;
  };
}

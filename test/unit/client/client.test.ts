import * as examples from '../../../src/http/openapi/examples.ts';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  isRunfleetApiError,
  RunfleetApiError,
  RunfleetClient,
  RunfleetConnectionError,
  RunfleetUnexpectedAnswerError,
  RunfleetUsageError,
} from '../../../src/client/index.ts';
import { aProblem, aRun, ended, FakeTiming, Stub } from './stub.ts';
import { freePort } from '../../../src/runtime/free-port.ts';

const input = { request: { model: 'gpt-5', input: 'Why?' } };
const apiKey = 'a-very-secret-key-0815';

async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail.');
}

function setup(stub: Stub, onSleep?: (ms: number) => void) {
  const timing = new FakeTiming(onSleep);
  return { timing, client: new RunfleetClient({ baseUrl: `${stub.url}/`, apiKey, timing }) };
}

describe('create', () => {
  it('sends the run as it is, with the key and an idempotency key of its own', async () => {
    await using stub = await Stub.start({ status: 202, json: aRun() }, { status: 202, json: aRun() });
    const { client } = setup(stub);
    await expect(client.runs.create(input)).resolves.toEqual(aRun());
    await client.runs.create(input);
    const [first, second] = stub.requests;
    expect(first).toMatchObject({ method: 'POST', path: '/v1/runs', text: JSON.stringify(input) });
    expect(first?.headers).toMatchObject({
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
    });
    expect(first?.headers['idempotency-key']).toMatch(/^[\da-f-]{36}$/);
    expect(second?.headers['idempotency-key']).not.toBe(first?.headers['idempotency-key']);
  });

  it('repeats with the same key and the same bytes until it is accepted', async () => {
    await using stub = await Stub.start(
      'reset',
      aProblem(503),
      { status: 502, text: '<html>' },
      { status: 504, text: '' },
      { status: 200, json: aRun() },
    );
    const { client, timing } = setup(stub);
    await expect(client.runs.create(input)).resolves.toMatchObject({ id: 'run_1' });
    expect(new Set(stub.requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(new Set(stub.requests.map(({ text }) => text)).size).toBe(1);
    expect(timing.sleeps).toEqual([250, 500, 1000, 2000]);
  });

  it('uses the key it is given, and refuses one that cannot be sent', async () => {
    await using stub = await Stub.start({ status: 202, json: aRun() });
    const { client } = setup(stub);
    await client.runs.create(input, { idempotencyKey: 'order-4711' });
    expect(stub.requests[0]?.headers['idempotency-key']).toBe('order-4711');
    await expect(client.runs.create(input, { idempotencyKey: 'two\nlines' })).rejects.toThrow(
      RunfleetUsageError,
    );
  });

  it('gives up after maxRetries, with the last failure', async () => {
    await using stub = await Stub.start(aProblem(503), aProblem(503));
    const client = new RunfleetClient({ baseUrl: stub.url, maxRetries: 1, timing: new FakeTiming() });
    await expect(client.runs.create(input)).rejects.toMatchObject({ name: 'RunfleetUnavailableError' });
    expect(stub.requests).toHaveLength(2);
  });

  it('takes an answer of another language for what it is', async () => {
    await using stub = await Stub.start({ status: 200, text: '<html>' }, { json: { id: 'run_1' } });
    const { client } = setup(stub);
    await expect(client.runs.create(input)).rejects.toThrow(RunfleetUnexpectedAnswerError);
    await expect(client.runs.create(input)).rejects.toThrow(RunfleetUnexpectedAnswerError);
  });
});

describe('Retry-After', () => {
  it('is kept to the millisecond', async () => {
    await using stub = await Stub.start(
      { status: 429, text: '', headers: { 'retry-after': '7' } },
      { json: aRun() },
    );
    const { client, timing } = setup(stub);
    await client.runs.get('run_1');
    expect(timing.sleeps).toEqual([7000]);
  });

  it('of more than a minute is the caller’s to wait', async () => {
    await using stub = await Stub.start({ status: 429, text: '', headers: { 'retry-after': '3600' } });
    const { client, timing } = setup(stub);
    await expect(client.runs.get('run_1')).rejects.toMatchObject({ status: 429, retryAfterMs: 3_600_000 });
    expect(timing.sleeps).toEqual([]);
  });
});

describe('errors', () => {
  it.each([
    [400, 'RunfleetBadRequestError'],
    [401, 'RunfleetUnauthorizedError'],
    [403, 'RunfleetApiError'],
    [404, 'RunfleetNotFoundError'],
    [409, 'RunfleetConflictError'],
    [500, 'RunfleetApiError'],
    [503, 'RunfleetUnavailableError'],
  ])('%i is a %s', async (status, name) => {
    await using stub = await Stub.start(aProblem(status, { detail: 'It is so.' }));
    const client = new RunfleetClient({ baseUrl: stub.url, maxRetries: 0 });
    const error = await failure(client.runs.get('run_1'));
    expect(error).toBeInstanceOf(RunfleetApiError);
    expect(error).toMatchObject({ name, status, requestId: 'req-7', message: 'It is so.' });
    expect(isRunfleetApiError(error, status)).toBe(true);
    expect(isRunfleetApiError(error, 418)).toBe(false);
  });

  it('name the fields that are wrong', async () => {
    const errors = [{ pointer: '/request/model', detail: 'Missing.' }];
    await using stub = await Stub.start(aProblem(400, { errors }));
    const { client } = setup(stub);
    const error = await failure(client.runs.create(input));
    expect(error).toMatchObject({ message: '/request/model: Missing.', problem: { errors } });
    expect(stub.requests).toHaveLength(1);
  });

  it('tell a server that cannot have got the request from one that may have', async () => {
    const port = await freePort();
    const refused = new RunfleetClient({ baseUrl: `http://127.0.0.1:${port}`, maxRetries: 0 });
    const error = await failure(refused.runs.get('run_1'));
    expect(error).toBeInstanceOf(RunfleetConnectionError);
    expect(error).toMatchObject({ mayHaveArrived: false, cause: expect.any(Error) });
    expect(String(error)).toContain('ECONNREFUSED');

    await using stub = await Stub.start('hang');
    const silent = new RunfleetClient({ baseUrl: stub.url, maxRetries: 0, timeoutMs: 20 });
    await expect(silent.runs.get('run_1')).rejects.toMatchObject({
      name: 'RunfleetConnectionError',
      mayHaveArrived: true,
      message: `Cannot reach runfleet at ${stub.url} (no answer within 20 ms).`,
    });
  });

  it('say so when the server sends elsewhere, and do not follow', async () => {
    await using stub = await Stub.start({ status: 301, text: '', headers: { location: '/elsewhere' } });
    const { client } = setup(stub);
    await expect(client.runs.create(input)).rejects.toMatchObject({ status: 301, problem: null });
    expect(stub.requests).toHaveLength(1);
  });

  it('hold no secret, nor does the client when it is printed', async () => {
    await using stub = await Stub.start(aProblem(401), 'reset');
    const client = new RunfleetClient({ baseUrl: stub.url, apiKey, maxRetries: 0 });
    const errors = [await failure(client.runs.get('run_1')), await failure(client.runs.get('run_1'))];
    expect(inspect({ client, errors }, { depth: 9, showHidden: true })).not.toContain(apiKey);
    for (const options of [
      { baseUrl: 'http://me:a-password@127.0.0.1' },
      { baseUrl: 'a-password' },
      { apiKey: 'a-password\n with a line break' },
    ]) {
      expect(() => new RunfleetClient(options)).toThrow(RunfleetUsageError);
      expect(() => new RunfleetClient(options)).not.toThrow('a-password');
    }
  });
});

describe('abort', () => {
  it('ends a call in flight, with the reason of the signal', async () => {
    await using stub = await Stub.start('hang');
    const { client } = setup(stub);
    const controller = new AbortController();
    const call = client.runs.get('run_1', { signal: controller.signal });
    await stub.received(1);
    controller.abort(new Error('changed my mind'));
    await expect(call).rejects.toThrow('changed my mind');
    expect(stub.requests).toHaveLength(1);
  });

  it('ends the wait between two attempts', async () => {
    await using stub = await Stub.start(aProblem(503));
    const controller = new AbortController();
    const { client } = setup(stub, () => controller.abort(new Error('changed my mind')));
    await expect(client.runs.create(input, { signal: controller.signal })).rejects.toThrow('changed my mind');
    expect(stub.requests).toHaveLength(1);
  });
});

describe('the other calls', () => {
  it('list passes the query, and all follows the cursor', async () => {
    await using stub = await Stub.start(
      { json: { object: 'list', data: [aRun({ id: 'run_3' }), aRun({ id: 'run_2' })], next_cursor: 'c 1' } },
      { json: { object: 'list', data: [ended()], next_cursor: null } },
    );
    const { client } = setup(stub);
    const ids: string[] = [];
    for await (const run of client.runs.all({ status: 'failed', kind: undefined, limit: 2 }))
      ids.push(run.id);
    expect(ids).toEqual(['run_3', 'run_2', 'run_1']);
    expect(stub.requests.map(({ path }) => path)).toEqual([
      '/v1/runs?status=failed&limit=2',
      '/v1/runs?status=failed&limit=2&cursor=c+1',
    ]);
  });

  it('all fetches no page that nobody wants', async () => {
    await using stub = await Stub.start({ json: { object: 'list', data: [aRun()], next_cursor: 'c1' } });
    const { client } = setup(stub);
    for await (const run of client.runs.all()) {
      expect(run.id).toBe('run_1');
      break;
    }
    expect(stub.requests.map(({ path }) => path)).toEqual(['/v1/runs']);
  });

  it('cancel may be repeated; redrive only when nothing was done', async () => {
    await using stub = await Stub.start('reset', { status: 202, json: aRun() }, aProblem(503), 'reset');
    const { client } = setup(stub);
    await client.runs.cancel('run/1');
    expect(stub.requests.map(({ path }) => path)).toEqual([
      '/v1/runs/run%2F1/cancel',
      '/v1/runs/run%2F1/cancel',
    ]);
    await expect(client.runs.redrive('run_1')).rejects.toMatchObject({ mayHaveArrived: true });
    expect(stub.requests).toHaveLength(4);
  });

  it.each(['', '.', '..'])('the id %j names no other route', async (id) => {
    await using stub = await Stub.start();
    const { client } = setup(stub);
    await expect(client.runs.get(id)).rejects.toThrow(RunfleetUsageError);
    expect(stub.requests).toEqual([]);
  });

  it('ready takes "no" for an answer, but not a gateway’s word for it', async () => {
    const checks = { redis: { ok: false, detail: 'unreachable' } };
    await using stub = await Stub.start(
      { status: 503, json: { ok: false, checks } },
      { json: { ok: true, checks: {} } },
      { status: 503, text: '<html>' },
    );
    const { client } = setup(stub);
    await expect(client.ready()).resolves.toEqual({ ready: false, checks });
    await expect(client.ready()).resolves.toEqual({ ready: true, checks: {} });
    await expect(client.ready()).rejects.toThrow(RunfleetUnexpectedAnswerError);
  });

  it('quota gives what the server reports', async () => {
    await using stub = await Stub.start({ json: examples.quota }, { json: { limits: { rpm: 3000 } } });
    const { client } = setup(stub);
    await expect(client.quota()).resolves.toEqual(examples.quota);
    await expect(client.quota()).rejects.toThrow(RunfleetUnexpectedAnswerError);
    expect(stub.requests[0]?.path).toBe('/v1/quota');
  });
});

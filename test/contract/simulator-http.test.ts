import { setImmediate } from 'node:timers/promises';

import OpenAI, {
  APIConnectionError,
  APIConnectionTimeoutError,
  AuthenticationError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from 'openai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { startSimulator } from '../../src/simulator/index.ts';
import type { Fault, Ledger, Simulator } from '../../src/simulator/index.ts';

let simulator: Simulator;

beforeEach(async () => {
  simulator = await startSimulator({ durations: { type: 'fixed', ms: 20 } });
});
afterEach(() => simulator.close());

function client(options: { apiKey?: string; maxRetries?: number; timeout?: number } = {}): OpenAI {
  return new OpenAI({ apiKey: 'any', baseURL: simulator.baseUrl, maxRetries: 0, ...options });
}

function create(by = client(), metadata: Record<string, string> = {}) {
  return by.responses.create({ model: 'gpt-5', input: 'Hello', background: true, metadata });
}

function nextCreate(fault: Fault, next = 1): void {
  simulator.setFaults({ rules: [{ operation: 'responses.create', fault, next }] });
}

/** What the SDK makes of a create that is answered with this status. */
async function answerTo(status: number): Promise<unknown> {
  nextCreate({ type: 'http_error', status });
  return create().catch((error: unknown) => error);
}

async function admin(
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; json: unknown }> {
  const origin = new URL(simulator.baseUrl).origin;
  const init = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await fetch(`${origin}/_sim/${path}`, { method, ...init });
  return { status: answer.status, json: await answer.json() };
}

describe('keys', () => {
  it('are refused in OpenAI’s shape when they are wrong', async () => {
    simulator.configure({ apiKeys: ['good'], forbiddenApiKeys: ['locked'] });
    await expect(create(client({ apiKey: 'good' }))).resolves.toMatchObject({ status: 'queued' });
    const wrong: unknown = await create(client({ apiKey: 'sk-wrong-key' })).catch((error: unknown) => error);
    expect(wrong).toBeInstanceOf(AuthenticationError);
    expect(wrong).toMatchObject({ code: 'invalid_api_key', type: 'invalid_request_error' });
    await expect(create(client({ apiKey: 'locked' }))).rejects.toThrow(PermissionDeniedError);
    const none = await fetch(`${simulator.baseUrl}/responses/x`);
    expect(none.status).toBe(401);
  });
});

describe('every answer', () => {
  it('carries OpenAI’s headers', async () => {
    simulator.configure({ requestsPerMinute: 10, tokensPerMinute: 5000, pollAfterMs: 700 });
    const { data, response } = await create(client(), { sim_ending: 'never' }).withResponse();
    expect(response.headers.get('x-request-id')).toMatch(/^req_/);
    expect(Number(response.headers.get('openai-processing-ms'))).toBeGreaterThan(0);
    expect(response.headers.get('x-ratelimit-limit-requests')).toBe('10');
    expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('9');
    expect(response.headers.get('x-ratelimit-reset-requests')).toMatch(/^(1m0s|[\d.]+s)$/);
    expect(Number(response.headers.get('x-ratelimit-remaining-tokens'))).toBeLessThan(5000);
    const look = await client().responses.retrieve(data.id).withResponse();
    expect(look.response.headers.get('openai-poll-after-ms')).toBe('700');
  });

  it('to an unknown URL is a 404', async () => {
    await expect(client().models.list()).rejects.toThrow('404 Invalid URL (GET /v1/models)');
  });

  it('to broken JSON is a 400, to a huge body a 413', async () => {
    simulator.configure({ maxBodyBytes: 1000 });
    const post = (body: string) =>
      fetch(`${simulator.baseUrl}/responses`, {
        method: 'POST',
        headers: { authorization: 'Bearer x' },
        body,
      });
    expect((await post('{"model"')).status).toBe(400);
    expect((await post('"text"')).status).toBe(400);
    expect((await post(JSON.stringify({ input: 'x'.repeat(2000) }))).status).toBe(413);
  });

  it('of the Assistants API wants its header', async () => {
    const answer = await fetch(`${simulator.baseUrl}/threads/t`, { headers: { authorization: 'Bearer x' } });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code: 'invalid_beta' } });
  });
});

describe('the rate limit', () => {
  it('answers 429 with the time to wait', async () => {
    simulator.configure({ requestsPerMinute: 2 });
    await create();
    await create();
    const error: unknown = await create().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RateLimitError);
    if (!(error instanceof RateLimitError)) return;
    expect(error.code).toBe('rate_limit_exceeded');
    const seconds = Number(error.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(Math.ceil(Number(error.headers.get('retry-after-ms')) / 1000)).toBe(seconds);
    expect(simulator.ledger()).toMatchObject({ throttled: 1, worstWindow: { calls: 3 } });
  });

  it('leaves GETs alone when told so', async () => {
    simulator.configure({ requestsPerMinute: 1, countGets: false });
    const { id } = await create();
    const { response } = await client().responses.retrieve(id).withResponse();
    expect(response.headers.has('x-ratelimit-limit-requests')).toBe(false);
  });
});

describe('faults', () => {
  it.each([500, 502, 503, 504])('answer %d without doing anything', async (status) => {
    nextCreate({ type: 'http_error', status });
    await expect(create()).rejects.toThrow(InternalServerError);
    expect(simulator.ledger().responses.created).toBe(0);
  });

  it('send a gateway’s page for 502, OpenAI’s envelope for 500', async () => {
    expect(await answerTo(502)).toMatchObject({ status: 502, error: undefined });
    expect(await answerTo(500)).toMatchObject({ status: 500, type: 'server_error' });
  });

  it('let the SDK’s own retries succeed in the end', async () => {
    nextCreate({ type: 'http_error', status: 500, retryAfterMs: 1 }, 2);
    await expect(create(client({ maxRetries: 2 }))).resolves.toMatchObject({ status: 'queued' });
    expect(simulator.ledger().calls['responses.create']).toEqual({ '200': 1, '500': 2 });
  });

  it('reset a connection before the request is processed', async () => {
    nextCreate({ type: 'reset' });
    await expect(create()).rejects.toThrow(APIConnectionError);
    expect(simulator.ledger()).toMatchObject({
      calls: { 'responses.create': { reset: 1 } },
      responses: { created: 0 },
    });
  });

  it('lose the reply to a create, and show what a blind retry does', async () => {
    nextCreate({ type: 'lost_reply' });
    await expect(create(client(), { runfleet_id: 'rf-1' })).rejects.toThrow(APIConnectionError);
    expect(simulator.ledger().responses.created).toBe(1);
    nextCreate({ type: 'lost_reply' });
    await create(client({ maxRetries: 2 }), { runfleet_id: 'rf-2' });
    const { duplicates } = simulator.ledger();
    expect(duplicates).toMatchObject([{ runfleetId: 'rf-2' }]);
    expect(duplicates[0]?.runIds).toHaveLength(2);
  });

  it('answer 504 though the request was carried out', async () => {
    nextCreate({ type: 'http_error', status: 504, processed: true });
    await expect(create()).rejects.toThrow(InternalServerError);
    expect(simulator.ledger().responses.created).toBe(1);
  });

  it('stall a reply beyond the client’s timeout', async () => {
    nextCreate({ type: 'slow', delayMs: 60_000 });
    await expect(create(client({ timeout: 100 }))).rejects.toThrow(APIConnectionTimeoutError);
    expect(simulator.ledger().responses.created).toBe(1);
  });

  it('send broken JSON, the wrong type, a huge body', async () => {
    nextCreate({ type: 'garbage' });
    await expect(create()).rejects.toThrow(SyntaxError);
    nextCreate({ type: 'wrong_content_type' });
    // The SDK takes it for text, and then trips over it.
    await expect(create()).rejects.toThrow(TypeError);
    nextCreate({ type: 'huge_body', bytes: 3_000_000 });
    const { response } = await create().withResponse();
    expect(Number(response.headers.get('content-length'))).toBeGreaterThan(3_000_000);
  });

  it('hide a response for a while after its end', async () => {
    simulator.setFaults({ notFoundAfterEndMs: 60_000 });
    const { id } = await create();
    const lookForEver = async () => {
      for (;;) await client().responses.retrieve(id);
    };
    await expect(lookForEver()).rejects.toThrow(NotFoundError);
    simulator.setFaults({ notFoundAfterEndMs: 0 });
    expect((await client().responses.retrieve(id)).status).toBe('completed');
  });

  it('complete what was cancelled', async () => {
    simulator.setFaults({ cancelledCompletesProbability: 1, cancelledCompletesAfterMs: 20 });
    const { id } = await create(client(), { sim_ending: 'never' });
    expect((await client().responses.cancel(id)).status).toBe('cancelled');
    for (;;) {
      const { status } = await client().responses.retrieve(id);
      if (status === 'cancelled') continue;
      expect(status).toBe('completed');
      break;
    }
  });
});

describe('/_sim', () => {
  it('reads the ledger, with every run when asked', async () => {
    const { id } = await create(client(), { runfleet_id: 'rf-1' });
    await client().responses.retrieve(id);
    const { json } = await admin('GET', 'ledger?runs=1');
    expect(json).toMatchObject({
      callsTotal: 2,
      runs: [{ id, runfleetId: 'rf-1', calls: { 'responses.create': 1, 'responses.retrieve': 1 } }],
    } satisfies Partial<Record<keyof Ledger, unknown>>);
    expect((await admin('GET', 'ledger')).json).not.toHaveProperty('runs');
  });

  it('sets faults and options, and names what is wrong with them', async () => {
    const rules = [{ operation: '*', fault: { type: 'http_error', status: 503 }, next: 1 }];
    expect(await admin('PUT', 'faults', { rules })).toMatchObject({ status: 200, json: { rules } });
    await expect(create()).rejects.toThrow(InternalServerError);
    expect((await admin('GET', 'faults')).json).toMatchObject({ rules: [{ next: 0 }] });
    expect((await admin('PUT', 'options', { apiKeys: ['only'] })).status).toBe(200);
    await expect(create()).rejects.toThrow(AuthenticationError);
    const refused = await admin('PUT', 'options', { durations: { type: 'fixed', ms: -1 } });
    expect(refused).toMatchObject({ status: 400 });
    expect(JSON.stringify(refused.json)).toContain('durations');
    expect((await admin('PUT', 'options', { port: 1 })).status).toBe(400);
  });

  it('forgets everything on reset', async () => {
    const { id } = await create();
    expect((await admin('POST', 'reset')).status).toBe(200);
    expect(simulator.ledger()).toMatchObject({ callsTotal: 0, responses: { created: 0 } });
    await expect(client().responses.retrieve(id)).rejects.toThrow(NotFoundError);
    expect((await admin('POST', 'nothing')).status).toBe(404);
  });
});

describe('close', () => {
  it('cuts what still waits, and can be called twice', async () => {
    const waiting = client()
      .responses.create({ model: 'm', input: 'i', metadata: { sim_ending: 'never' } })
      .catch((error: unknown) => error);
    // Until the request has arrived there is nothing to cut.
    while (simulator.ledger().responses.created === 0) await setImmediate();
    await simulator.close();
    await simulator.close();
    expect(await waiting).toBeInstanceOf(APIConnectionError);
  });
});

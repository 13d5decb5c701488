/** What else can go wrong with a provider, beyond the suite of the port: for both kinds alike. */

import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AssistantsProvider } from '../../src/adapters/openai-assistants/index.ts';
import { ResponsesProvider } from '../../src/adapters/openai-responses/index.ts';
import { createOpenAiClient, type OpenAiOptions } from '../../src/adapters/openai-sdk/client.ts';
import { type FaultDetails, isProviderFault } from '../../src/domain/fault.ts';
import type { RunKind } from '../../src/domain/status.ts';
import type { ProviderRequest, RunProvider } from '../../src/ports/run-provider.ts';
import type { Fault } from '../../src/simulator/index.ts';
import { apiKey, type ProviderHarness, providerHarness, threadIn } from '../support/provider-harness.ts';
import { answering, stubServer } from '../support/stub-server.ts';

const prompt = 'A prompt that belongs in no error.';

const make: Record<RunKind, (client: ReturnType<typeof createOpenAiClient>) => RunProvider> = {
  responses: (client) => new ResponsesProvider(client),
  assistants: (client) => new AssistantsProvider(client),
};

const requests: Record<RunKind, ProviderRequest> = {
  responses: { model: 'gpt-5', input: prompt },
  assistants: { assistant_id: 'asst_1', thread_id: 'thread_1', instructions: prompt },
};

const refs = {
  responses: { providerRunId: 'resp_1', threadId: null },
  assistants: { providerRunId: 'run_1', threadId: 'thread_1' },
} as const;

const json = { 'content-type': 'application/json' };
const envelope = (error: Record<string, unknown>): string => JSON.stringify({ error });

async function faultOf(call: Promise<unknown>): Promise<FaultDetails> {
  const error = await call.then(
    () => new Error('The call succeeded.'),
    (reason: unknown) => reason,
  );
  if (!isProviderFault(error)) throw error;
  // Whoever logs a fault logs all of it.
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(prompt);
  return error.details;
}

describe.each(['responses', 'assistants'] as const)('%s', (kind) => {
  /** A provider whose server answers everything alike, or that has no server at all. */
  async function against(
    status: number,
    headers: Record<string, string>,
    body: string,
    options: Partial<OpenAiOptions> = {},
  ): Promise<RunProvider> {
    const server = await stubServer(answering(status, headers, body));
    onTestFinished(() => server[Symbol.asyncDispose]());
    return make[kind](createOpenAiClient({ apiKey, baseUrl: server.baseUrl, ...options }));
  }

  async function simulated(options: Partial<OpenAiOptions> = {}): Promise<ProviderHarness> {
    const harness = await providerHarness(
      make[kind],
      async (simulator, metadata) =>
        kind === 'responses'
          ? { ...requests.responses, metadata }
          : { assistant_id: 'asst_1', thread_id: await threadIn(simulator), instructions: prompt, metadata },
      options,
    );
    onTestFinished(() => harness.close());
    return harness;
  }

  it.each([
    [408, 'unavailable'],
    [409, 'conflict'],
    [423, 'conflict'],
    [425, 'unavailable'],
    [451, 'refused'],
    [499, 'unclear'],
    [400, 'refused'],
    [413, 'refused'],
    [500, 'unavailable'],
    [503, 'unavailable'],
    [529, 'unavailable'],
  ] as const)('takes a %i of the API for %s', async (status, type) => {
    const error = { message: 'It said so.', type: 'some_type', code: 'some_code' };
    const provider = await against(status, json, envelope(error));
    for (const call of [() => provider.create(requests[kind], 'run-1'), () => provider.retrieve(refs[kind])])
      expect(await faultOf(call())).toMatchObject({
        type,
        code: 'some_code',
        message: 'It said so.',
        httpStatus: status,
      });
  });

  it.each([500, 502, 504, 522])(
    'does not know what became of a create behind a gateway’s %i',
    async (status) => {
      const provider = await against(
        status,
        { 'content-type': 'text/html' },
        '<html><h1>Bad gateway</h1></html>',
      );
      expect(await faultOf(provider.create(requests[kind], 'run-1'))).toMatchObject({
        type: 'unclear',
        httpStatus: status,
      });
    },
  );

  it.each([
    ['retry-after', '90', 90_000],
    ['retry-after-ms', '1500', 1500],
    ['retry-after', 'tomorrow', null],
    ['retry-after', '-5', 0],
  ])('reads %s: %s', async (name, value, expected) => {
    const provider = await against(429, { ...json, [name]: value }, envelope({ message: 'Slow down.' }));
    const { type, retryAfterMs } = await faultOf(provider.retrieve(refs[kind]));
    expect(type).toBe('throttled');
    expect(retryAfterMs).toBe(expected);
  });

  it('reads Retry-After as a date', async () => {
    const date = new Date(Date.now() + 600_000).toUTCString();
    const provider = await against(
      429,
      { ...json, 'retry-after': date },
      envelope({ message: 'Slow down.' }),
    );
    const { retryAfterMs } = await faultOf(provider.retrieve(refs[kind]));
    expect(retryAfterMs).toBeGreaterThan(500_000);
    expect(retryAfterMs).toBeLessThanOrEqual(600_000);
  });

  it('takes such a date to be of the clock that the answer shows, whatever ours says', async () => {
    const theirsMs = Date.now() - 600_000;
    const headers = {
      ...json,
      date: new Date(theirsMs).toUTCString(),
      'retry-after': new Date(theirsMs + 7000).toUTCString(),
    };
    const provider = await against(429, headers, envelope({ message: 'Slow down.' }));
    expect((await faultOf(provider.retrieve(refs[kind]))).retryAfterMs).toBe(7000);
  });

  it('knows that a refused connection had no effect', async () => {
    const gone = await stubServer(() => {});
    await gone[Symbol.asyncDispose]();
    const provider = make[kind](createOpenAiClient({ apiKey, baseUrl: gone.baseUrl }));
    expect(await faultOf(provider.create(requests[kind], 'run-1'))).toMatchObject({
      type: 'unavailable',
      httpStatus: null,
    });
  });

  it('gives up on an answer that does not come, and does not know what became of it', async () => {
    const harness = await simulated({ timeoutMs: 150, createTimeoutMs: 150 });
    const request = await harness.request({ stays: 'in_progress' });
    const ref = await harness.provider.create(request, 'run-0');
    const stall: Fault = { type: 'slow', delayMs: 60_000 };
    harness.simulator.setFaults({ rules: [{ operation: '*', fault: stall }] });
    const timeout = { type: 'unclear', code: 'timeout' };
    expect(await faultOf(harness.provider.create(request, 'run-1'))).toMatchObject(timeout);
    expect(await faultOf(harness.provider.retrieve(ref))).toMatchObject(timeout);
  });

  it('gives up on an answer that comes in drops', async () => {
    const server = await stubServer((request, response) => {
      request.resume();
      response.writeHead(200, json);
      const drip = setInterval(() => response.write(' '), 30);
      response.on('close', () => clearInterval(drip));
    });
    onTestFinished(() => server[Symbol.asyncDispose]());
    const options = { apiKey, baseUrl: server.baseUrl, timeoutMs: 300, createTimeoutMs: 300 };
    const provider = make[kind](createOpenAiClient(options));
    expect(await faultOf(provider.retrieve(refs[kind]))).toMatchObject({ type: 'unclear' });
  });

  it.each([{ type: 'wrong_content_type' }, { type: 'garbage' }] as const)(
    'does not take $type for an answer',
    async (fault) => {
      const harness = await simulated();
      const ref = await harness.provider.create(await harness.request({ stays: 'in_progress' }), 'run-1');
      const request = await harness.request({ stays: 'in_progress' });
      harness.simulator.setFaults({ rules: [{ operation: '*', fault, next: 2 }] });
      expect(await faultOf(harness.provider.create(request, 'run-2'))).toMatchObject({ type: 'unclear' });
      expect(await faultOf(harness.provider.retrieve(ref))).toMatchObject({ type: 'unclear' });
    },
  );

  it.each(['', 'null', '[]', '"text"', '{}', '{"id":"","status":"queued"}', '{"id":"resp_1","status":7}'])(
    'does not take 200 with the body %s for an answer',
    async (body) => {
      const provider = await against(200, json, body);
      expect(await faultOf(provider.create(requests[kind], 'run-1'))).toMatchObject({ type: 'unclear' });
    },
  );

  it('stops reading an answer that is too large, told or untold', async () => {
    const harness = await simulated({ maxAnswerBytes: 100_000 });
    const request = await harness.request({ stays: 'in_progress' });
    const rules = [
      { operation: '*' as const, fault: { type: 'huge_body' as const, bytes: 50_000_000 }, next: 1 },
    ];
    harness.simulator.setFaults({ rules });
    expect(await faultOf(harness.provider.create(request, 'run-1'))).toMatchObject({ type: 'unclear' });

    let sent = 0;
    const endless = await stubServer((_request, response) => {
      response.writeHead(200, json);
      const more = (): void => {
        while (!response.destroyed && response.write(' '.repeat(10_000))) sent += 10_000;
      };
      response.on('drain', more);
      more();
    });
    onTestFinished(() => endless[Symbol.asyncDispose]());
    const options = { apiKey, baseUrl: endless.baseUrl, maxAnswerBytes: 100_000 };
    const provider = make[kind](createOpenAiClient(options));
    expect(await faultOf(provider.retrieve(refs[kind]))).toMatchObject({ type: 'unclear' });
    // What lies in the buffers of both sides comes on top.
    expect(sent).toBeLessThan(20_000_000);
  });

  it('takes our key out of what the server says', async () => {
    const message = `Incorrect API key provided: ${apiKey}. Bearer ${apiKey}`;
    const provider = await against(401, json, envelope({ message, code: apiKey, type: apiKey }));
    const fault = await faultOf(provider.create(requests[kind], 'run-1'));
    expect(fault.type).toBe('unauthorized');
    expect(JSON.stringify(fault)).not.toContain(apiKey);
    expect(fault.message).toContain('Incorrect API key provided');
  });

  it('takes our key out of an answer that is not what the API promises', async () => {
    const provider = await against(200, json, JSON.stringify({ id: 7, [apiKey]: apiKey, status: apiKey }));
    expect(JSON.stringify(await faultOf(provider.retrieve(refs[kind])))).not.toContain(apiKey);
  });

  it('takes a busy thread or conversation for a conflict', async () => {
    const busy =
      kind === 'assistants'
        ? {
            message: 'Thread thread_1 already has an active run run_9.',
            type: 'invalid_request_error',
            code: null,
          }
        : {
            message: 'Another process is using it.',
            type: 'invalid_request_error',
            code: 'conversation_locked',
          };
    const provider = await against(400, json, envelope(busy));
    expect(await faultOf(provider.create(requests[kind], 'run-1'))).toMatchObject({
      type: 'conflict',
      httpStatus: 400,
      message: busy.message,
    });
  });

  it('tells when the provider wants to be asked again', async () => {
    const harness = await simulated();
    const created = await harness.provider.create(await harness.request({ stays: 'in_progress' }), 'run-1');
    expect(created.pollAfterMs).toBeNull();
    harness.simulator.configure({ pollAfterMs: 3210 });
    await expect(harness.provider.retrieve(created)).resolves.toMatchObject({ pollAfterMs: 3210 });
  });
});

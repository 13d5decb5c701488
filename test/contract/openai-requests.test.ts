/** What is sent, and what is made of it, where the kinds differ. */

import { describe, expect, it, onTestFinished } from 'vitest';
import { AssistantsProvider } from '../../src/adapters/openai-assistants/index.ts';
import { ResponsesProvider } from '../../src/adapters/openai-responses/index.ts';
import { createOpenAiClient } from '../../src/adapters/openai-sdk/client.ts';
import { type FaultDetails, isProviderFault } from '../../src/domain/fault.ts';
import { apiKey, providerHarness } from '../support/provider-harness.ts';
import { answering, stubServer } from '../support/stub-server.ts';

const onThread = { assistant_id: 'asst_1', thread_id: 'thread_1' };
const ofRun = { providerRunId: 'run_1', threadId: 'thread_1' };

async function faultOf(call: Promise<unknown>): Promise<FaultDetails> {
  const error = await call.then(
    () => new Error('The call succeeded.'),
    (reason: unknown) => reason,
  );
  if (!isProviderFault(error)) throw error;
  return error.details;
}

describe('a list', () => {
  it.each([
    ['text/plain', '{"object":"list","data":[]}'],
    ['text/html', '<html><h1>Sign in to this network</h1></html>'],
    ['application/json', '{}'],
    ['application/json', '{"error":null}'],
    ['application/json', '{"data":{}}'],
  ])('that comes as %s %s is no empty list: there may be an answer, or a run', async (contentType, body) => {
    const server = await stubServer(answering(200, { 'content-type': contentType }, body));
    onTestFinished(() => server[Symbol.asyncDispose]());
    const provider = new AssistantsProvider(createOpenAiClient({ apiKey, baseUrl: server.baseUrl }));
    expect(await faultOf(provider.fetchOutput(ofRun))).toMatchObject({ type: 'unclear' });
    expect(await faultOf(provider.find(onThread, 'run-1'))).toMatchObject({ type: 'unclear' });
  });
});

describe('assistants where they are gone', () => {
  it('names the end of that API, and what to use instead, on a create', async () => {
    const harness = await providerHarness(
      (client) => new AssistantsProvider(client),
      () => Promise.resolve({ assistant_id: 'asst_1' }),
    );
    onTestFinished(() => harness.close());
    harness.simulator.configure({ assistantsGone: true });
    for (const request of [{ assistant_id: 'asst_1' }, onThread]) {
      const fault = await faultOf(harness.provider.create(request, 'run-1'));
      expect(fault).toMatchObject({ type: 'not_found', httpStatus: 404 });
      expect(fault.message).toMatch(/2026-08-26.*kind "responses"/);
    }
  });
});

describe('responses', () => {
  it('are sent in the background and kept, whatever the request says', async () => {
    const bodies: unknown[] = [];
    const server = await stubServer((request, response) => {
      let text = '';
      request.on('data', (chunk) => (text += String(chunk)));
      request.on('end', () => {
        bodies.push(JSON.parse(text));
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ id: 'resp_1', status: 'queued', created_at: 1 }));
      });
    });
    onTestFinished(() => server[Symbol.asyncDispose]());
    const provider = new ResponsesProvider(createOpenAiClient({ apiKey, baseUrl: server.baseUrl }));
    await provider.create({ model: 'gpt-5', background: false, store: false, metadata: { a: 'b' } }, 'run-1');
    expect(bodies).toEqual([
      { model: 'gpt-5', background: true, store: true, metadata: { a: 'b', runfleet_id: 'run-1' } },
    ]);
  });
});

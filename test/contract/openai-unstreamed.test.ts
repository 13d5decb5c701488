/** Servers that are asked for a stream and send none. */

import type { RequestListener } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { ResponsesProvider } from '../../src/adapters/openai-responses/index.ts';
import { createOpenAiClient } from '../../src/adapters/openai-sdk/client.ts';
import type { StreamingProvider } from '../../src/ports/run-stream.ts';
import { apiKey } from '../support/provider-harness.ts';
import { answering, stubServer } from '../support/stub-server.ts';

const json = { 'content-type': 'application/json' };
const ask = { model: 'gpt-5', input: 'Hello' };
const ref = { providerRunId: 'resp_1', threadId: null };
const answers = { ref, outputs: [{ toolCallId: 'call_1', output: '4' }], request: ask, runId: 'run-1' };

async function streamingOf(listener: RequestListener, timeoutMs = 5000): Promise<StreamingProvider> {
  const server = await stubServer(listener);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const options = { apiKey, baseUrl: server.baseUrl, timeoutMs, createTimeoutMs: timeoutMs };
  return new ResponsesProvider(createOpenAiClient(options)).streaming;
}

it('takes an answer in one piece where a stream was asked for', async () => {
  const streaming = await streamingOf(answering(200, json, '{"id":"resp_1","status":"queued"}'));
  const snapshot = { phase: 'running', status: 'queued', providerRunId: 'resp_1' };
  await expect(streaming.create(ask, 'run-1')).resolves.toMatchObject({ snapshot, stream: null });
  await expect(streaming.submit(answers)).resolves.toMatchObject({ snapshot, stream: null });
  await expect(streaming.resume(ref, 3)).rejects.toMatchObject({ details: { type: 'refused' } });
});

it.each([
  ['an error', 500],
  ['a document', 200],
])('gives up a stream that is answered by %s without an end', async (_name, status) => {
  const endless: RequestListener = (_request, answer) => void answer.writeHead(status, json).write('{"id":');
  const streaming = await streamingOf(endless, 200);
  const details = { type: 'unclear', code: 'timeout' };
  await expect(streaming.create(ask, 'run-1')).rejects.toMatchObject({ details });
  await expect(streaming.resume(ref, 3)).rejects.toMatchObject({ details });
});

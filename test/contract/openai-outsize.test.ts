/** What is too large or too deep to be kept, logged or read by others, in answers that are good but for that. */

import { expect, it, onTestFinished } from 'vitest';
import { AssistantsProvider } from '../../src/adapters/openai-assistants/index.ts';
import { ResponsesProvider } from '../../src/adapters/openai-responses/index.ts';
import { createOpenAiClient, type OpenAiClient } from '../../src/adapters/openai-sdk/client.ts';
import { apiKey } from '../support/provider-harness.ts';
import { answering, stubServer } from '../support/stub-server.ts';

const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;

async function clientOf(body: string): Promise<OpenAiClient> {
  const server = await stubServer(answering(200, { 'content-type': 'application/json' }, body));
  onTestFinished(() => server[Symbol.asyncDispose]());
  return createOpenAiClient({ apiKey, baseUrl: server.baseUrl });
}

it('a response loses the item that is nested too deep, and keeps the others', async () => {
  const message = '{"type":"message","content":[{"type":"output_text","text":"Hi."}]}';
  const client = await clientOf(`{"id":"x_1","status":"completed","output":[${deep},${message}]}`);
  const snapshot = await new ResponsesProvider(client).retrieve({ providerRunId: 'x_1', threadId: null });
  expect(snapshot).toMatchObject({
    status: 'completed',
    output: { text: 'Hi.', items: [{ type: 'message' }] },
  });
  expect(() => JSON.stringify(snapshot)).not.toThrow();
});

it('a message of a thread loses the part', async () => {
  const part = '{"type":"text","text":{"value":"Hi."}}';
  const client = await clientOf(
    `{"data":[{"role":"assistant","run_id":"run_1","content":[${deep},${part}]}]}`,
  );
  const ref = { providerRunId: 'run_1', threadId: 'thread_1' };
  const output = await new AssistantsProvider(client).fetchOutput(ref);
  expect(output.text).toBe('Hi.');
  expect(() => JSON.stringify(output)).not.toThrow();
});

it('a code, a status and a message are cut to what a log can hold', async () => {
  const long = 'x'.repeat(1_000_000);
  const error = JSON.stringify({ code: long, message: long });
  for (const [field, kind] of [
    ['error', ResponsesProvider],
    ['last_error', AssistantsProvider],
  ] as const) {
    const ids = '"id":"x_1","thread_id":"thread_1"';
    const failed = new kind(await clientOf(`{${ids},"status":"failed","${field}":${error}}`));
    const snapshot = await failed.retrieve({ providerRunId: 'x_1', threadId: 'thread_1' });
    expect(snapshot).toMatchObject({ error: { code: 'x'.repeat(100), message: 'x'.repeat(4000) } });

    const unknown = new kind(await clientOf(`{${ids},"status":"${long}"}`));
    const running = await unknown.retrieve({ providerRunId: 'x_1', threadId: 'thread_1' });
    expect(running).toMatchObject({ status: 'unknown', rawStatus: 'x'.repeat(100) });
  }
});

/** Outputs that nobody could hold: `JSON.stringify` and most readers go down by calling themselves. */

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

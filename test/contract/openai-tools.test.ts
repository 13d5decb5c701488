/** The answers to tool calls, against the simulator. */

import { expect, it, onTestFinished } from 'vitest';
import { AssistantsProvider } from '../../src/adapters/openai-assistants/index.ts';
import { ResponsesProvider } from '../../src/adapters/openai-responses/index.ts';
import { followUp } from '../../src/adapters/openai-responses/request.ts';
import { createOpenAiClient } from '../../src/adapters/openai-sdk/client.ts';
import type { ProviderRequest, RunProvider } from '../../src/ports/run-provider.ts';
import { apiKey, providerHarness } from '../support/provider-harness.ts';
import { answering, stubServer } from '../support/stub-server.ts';
import { type ToolProviderHarness, toolProviderConformance } from './suites/run-provider-tools.ts';

async function harnessOf(
  make: (client: ReturnType<typeof createOpenAiClient>) => RunProvider,
  request: ProviderRequest,
  submit: 'runs.submit_tool_outputs' | 'responses.create',
): Promise<ToolProviderHarness> {
  const harness = await providerHarness(make, () => Promise.resolve({}));
  const { provider, simulator } = harness;
  return {
    provider,
    request: (rounds) =>
      Promise.resolve({
        ...request,
        metadata: {
          sim_duration_ms: '0',
          sim_queue_ms: '0',
          sim_tool_calls: '2',
          sim_tool_rounds: String(rounds),
        },
      }),
    loseReply() {
      simulator.setFaults({ rules: [{ operation: submit, fault: { type: 'lost_reply' }, next: 1 }] });
      return Promise.resolve();
    },
    close: () => harness.close(),
  };
}

const schema = { type: 'object', properties: {} };

toolProviderConformance('assistants', () =>
  harnessOf(
    (client) => new AssistantsProvider(client),
    { assistant_id: 'asst_1', tools: [{ type: 'function', function: { name: 'add', parameters: schema } }] },
    'runs.submit_tool_outputs',
  ),
);

toolProviderConformance('responses', () =>
  harnessOf(
    (client) => new ResponsesProvider(client),
    { model: 'gpt-5', input: 'Hello', tools: [{ type: 'function', name: 'add', parameters: schema }] },
    'responses.create',
  ),
);

const outputs = [{ toolCallId: 'call_1', output: '42' }];

it('sends a response’s settings again, and not its input', () => {
  const request = {
    model: 'gpt-5',
    input: 'Hello',
    instructions: 'Be brief.',
    tools: [{ type: 'function' }],
    previous_response_id: 'resp_0',
    tool_choice: 'auto',
  };
  expect(followUp(request, 'resp_1', outputs)).toEqual({
    model: 'gpt-5',
    instructions: 'Be brief.',
    tools: [{ type: 'function' }],
    previous_response_id: 'resp_1',
    tool_choice: 'auto',
    input: [{ type: 'function_call_output', call_id: 'call_1', output: '42' }],
  });
});

it('leaves a conversation to know its last response', () => {
  const sent = followUp({ model: 'gpt-5', conversation: 'conv_1' }, 'resp_1', outputs);
  expect(sent).toMatchObject({ conversation: 'conv_1' });
  expect(sent).not.toHaveProperty('previous_response_id');
});

it.each([
  ['required', undefined],
  [{ type: 'function', name: 'add' }, undefined],
  ['none', 'none'],
  [
    { type: 'allowed_tools', mode: 'required', tools: [] },
    { type: 'allowed_tools', mode: 'auto', tools: [] },
  ],
])('forces no call for ever: tool_choice %j becomes %j', (choice, sent) => {
  expect(followUp({ model: 'gpt-5', tool_choice: choice }, 'resp_1', outputs)['tool_choice']).toEqual(sent);
});

it.each([
  ['"arguments":{"city":"Bern"}', '{"city":"Bern"}'],
  ['"arguments":[1]', '[1]'],
  ['"arguments":null', ''],
  ['"also":1', ''],
])('a call whose arguments are no text is answered like any other: %s', async (given, text) => {
  const item = `{"type":"function_call","call_id":"c","name":"add",${given}}`;
  const action = `{"submit_tool_outputs":{"tool_calls":[{"id":"c","function":{"name":"add",${given}}}]}}`;
  const shown = { toolCalls: [{ id: 'c', name: 'add', arguments: text }] };
  const response = await clientOf(`{"id":"x","status":"completed","output":[${item}]}`);
  const run = await clientOf(
    `{"id":"x","thread_id":"t","status":"requires_action","required_action":${action}}`,
  );
  const ref = { providerRunId: 'x', threadId: 't' };
  expect(await new ResponsesProvider(response).retrieve(ref)).toMatchObject(shown);
  expect(await new AssistantsProvider(run).retrieve(ref)).toMatchObject(shown);
});

async function clientOf(answer: string): Promise<ReturnType<typeof createOpenAiClient>> {
  const server = await stubServer(answering(200, { 'content-type': 'application/json' }, answer));
  onTestFinished(() => server[Symbol.asyncDispose]());
  return createOpenAiClient({ apiKey, baseUrl: server.baseUrl, timeoutMs: 5000, createTimeoutMs: 5000 });
}

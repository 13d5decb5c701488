import OpenAI, { BadRequestError, NotFoundError } from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { startSimulator } from '../../src/simulator/index.ts';
import type { Simulator } from '../../src/simulator/index.ts';

let simulator: Simulator;
let client: OpenAI;

beforeAll(async () => {
  simulator = await startSimulator({
    durations: { type: 'fixed', ms: 30 },
    queueDurations: { type: 'fixed', ms: 5 },
  });
  client = new OpenAI({ apiKey: 'any', baseURL: simulator.baseUrl, maxRetries: 0 });
});

beforeEach(() => simulator.reset());
afterAll(() => simulator.close());

type Response = OpenAI.Responses.Response;

function create(
  metadata: Record<string, string> = {},
  more: Partial<OpenAI.Responses.ResponseCreateParamsNonStreaming> = {},
) {
  return client.responses.create({ model: 'gpt-5', input: 'Hello', background: true, metadata, ...more });
}

/** Looks again and again until the response is no longer on its way. */
async function ended(id: string): Promise<Response> {
  for (;;) {
    const response = await client.responses.retrieve(id);
    if (response.status !== 'queued' && response.status !== 'in_progress') return response;
  }
}

const weather: OpenAI.Responses.FunctionTool = {
  type: 'function',
  name: 'weather',
  strict: true,
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

function callsOf(response: Response) {
  return response.output.filter((item) => item.type === 'function_call');
}

function outputsFor(response: Response) {
  return callsOf(response).map(({ call_id }) => ({
    type: 'function_call_output' as const,
    call_id,
    output: 'sunny',
  }));
}

describe('a background response', () => {
  it('is queued at first and completes with text, usage and whole-second times', async () => {
    const created = await create({ sim_output: 'Good day' });
    expect(created).toMatchObject({ status: 'queued', background: true, output: [], completed_at: null });
    const response = await ended(created.id);
    expect(response).toMatchObject({ id: created.id, status: 'completed', output_text: 'Good day' });
    expect(Number.isInteger(response.completed_at)).toBe(true);
    expect(response.usage?.total_tokens).toBeGreaterThan(0);
  });

  it('that failed answers 200 with an error inside', async () => {
    const { id } = await create({ sim_ending: 'failed', sim_error_code: 'rate_limit_exceeded' });
    expect(await ended(id)).toMatchObject({
      status: 'failed',
      completed_at: null,
      error: { code: 'rate_limit_exceeded' },
    });
  });

  it('that is incomplete says why and keeps what it has', async () => {
    const { id } = await create({ sim_ending: 'incomplete', sim_output: 'One two three' });
    const response = await ended(id);
    expect(response).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
    });
    expect('One two three'.startsWith(response.output_text)).toBe(true);
  });

  it('can be cancelled, more than once', async () => {
    const { id } = await create({ sim_ending: 'never' });
    expect((await client.responses.cancel(id)).status).toBe('cancelled');
    expect((await client.responses.cancel(id)).status).toBe('cancelled');
    expect((await client.responses.retrieve(id)).status).toBe('cancelled');
  });

  it('stays completed when it is cancelled too late', async () => {
    const { id } = await create();
    await ended(id);
    expect((await client.responses.cancel(id)).status).toBe('completed');
  });

  it('that is lost answers 404', async () => {
    const { id } = await create({ sim_ending: 'lost' });
    await expect(ended(id)).rejects.toThrow(NotFoundError);
  });

  it('can show a status that nobody knows', async () => {
    const { id } = await create({
      sim_ending: 'never',
      sim_status: 'pondering',
      sim_queue_ms: '0',
      sim_duration_ms: '0',
    });
    expect((await ended(id)).status).toBe('pondering');
  });

  it('is gone after it was deleted', async () => {
    const { id } = await create();
    await client.responses.delete(id);
    await expect(client.responses.retrieve(id)).rejects.toThrow(NotFoundError);
  });

  it('lists its input', async () => {
    const { id } = await create(
      {},
      {
        input: [
          { role: 'user', content: 'One' },
          { role: 'user', content: 'Two' },
        ],
      },
    );
    const items = await Array.fromAsync(client.responses.inputItems.list(id, { order: 'asc', limit: 1 }));
    expect(items).toMatchObject([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'One' }] },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Two' }] },
    ]);
  });
});

describe('a synchronous response', () => {
  it('comes when it has ended, and cannot be cancelled', async () => {
    const response = await create({}, { background: false });
    expect(response).toMatchObject({ status: 'completed', background: false });
    await expect(client.responses.cancel(response.id)).rejects.toThrow(
      'Cannot cancel a synchronous response',
    );
  });
});

describe('function calls', () => {
  it('end a response and are answered by the next, round after round', async () => {
    const metadata = { sim_tool_rounds: '2', sim_tool_calls: '2', sim_output: 'Done' };
    let response = await ended((await create(metadata, { tools: [weather] })).id);
    for (let round = 0; round < 2; round++) {
      expect(response).toMatchObject({ status: 'completed', output_text: '' });
      expect(callsOf(response)).toMatchObject([
        { name: 'weather', arguments: '{"city":"sample"}' },
        { name: 'weather', arguments: '{"city":"sample"}' },
      ]);
      // The same metadata again, as a client would send it: the rounds still count down.
      const next = await create(metadata, {
        tools: [weather],
        previous_response_id: response.id,
        input: outputsFor(response),
      });
      response = await ended(next.id);
    }
    expect(response.output_text).toBe('Done');
    expect(simulator.ledger().responses.created).toBe(3);
  });

  it('need tools to call', async () => {
    const { id } = await create({ sim_tool_rounds: '1' });
    expect(callsOf(await ended(id))).toEqual([]);
  });

  it('must all be answered, and nothing else', async () => {
    const metadata = { sim_ending: 'tools', sim_tool_calls: '2' };
    const response = await ended((await create(metadata, { tools: [weather] })).id);
    const outputs = outputsFor(response);
    const answer = (input: OpenAI.Responses.ResponseInput) =>
      create({}, { previous_response_id: response.id, input, tools: [weather] });
    await expect(answer(outputs.slice(0, 1))).rejects.toThrow(
      `No tool output found for function call ${outputs[1]?.call_id}.`,
    );
    const stray = { type: 'function_call_output' as const, call_id: 'call_x', output: '' };
    await expect(answer([...outputs, stray])).rejects.toThrow('No tool call found');
    expect((await ended((await answer(outputs)).id)).output_text).not.toBe('');
  });
});

describe('what a create may not do', () => {
  it('continue a response that does not exist', async () => {
    await expect(create({}, { previous_response_id: 'resp_0' })).rejects.toMatchObject({
      status: 400,
      code: 'previous_response_not_found',
      param: 'previous_response_id',
    });
  });

  it('use a conversation that is in use', async () => {
    const { id } = await create({ sim_ending: 'never' }, { conversation: 'conv_1' });
    await expect(create({}, { conversation: 'conv_1' })).rejects.toMatchObject({
      status: 400,
      code: 'conversation_locked',
    });
    await create({}, { conversation: 'conv_2' });
    await client.responses.cancel(id);
    await create({}, { conversation: { id: 'conv_1' } });
  });

  it.each([
    ['lack a model', { input: 'i' }, 'model'],
    ['lack input', { model: 'm' }, 'input'],
    [
      'carry a long metadata value',
      { model: 'm', input: 'i', metadata: { k: 'v'.repeat(513) } },
      'metadata.k',
    ],
    ['misuse a control', { model: 'm', input: 'i', metadata: { sim_ending: 'x' } }, 'metadata.sim_ending'],
  ])('%s', async (_, body, param) => {
    const error: unknown = await client.post('/responses', { body }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ param, type: 'invalid_request_error' });
  });
});

import OpenAI, { BadRequestError, NotFoundError } from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { startSimulator } from '../../src/simulator/index.ts';
import type { Simulator } from '../../src/simulator/index.ts';

let simulator: Simulator;
let client: OpenAI;

const DEFAULTS = { cancellingMs: 20, submitLagMs: 0, assistantsGone: false, acceptUnknownAssistants: true };

beforeAll(async () => {
  simulator = await startSimulator({
    ...DEFAULTS,
    durations: { type: 'fixed', ms: 30 },
    queueDurations: { type: 'fixed', ms: 5 },
  });
  client = new OpenAI({ apiKey: 'any', baseURL: simulator.baseUrl, maxRetries: 0 });
});

afterEach(() => simulator.configure(DEFAULTS));
afterAll(() => simulator.close());

type Run = OpenAI.Beta.Threads.Run;

const POLL = { pollIntervalMs: 5 };

async function newThread(): Promise<string> {
  const thread = await client.beta.threads.create({ messages: [{ role: 'user', content: 'What is up?' }] });
  return thread.id;
}

async function run(metadata: Record<string, string> = {}): Promise<Run> {
  return client.beta.threads.runs.create(await newThread(), { assistant_id: 'asst_any', metadata });
}

/** Polled with the SDK's own helper. */
async function polled(metadata: Record<string, string> = {}): Promise<Run> {
  const body = { assistant_id: 'asst_any', metadata };
  return client.beta.threads.runs.createAndPoll(await newThread(), body, POLL);
}

function outputsFor({ required_action }: Run) {
  const calls = required_action?.submit_tool_outputs.tool_calls ?? [];
  return calls.map(({ id }) => ({ tool_call_id: id, output: 'sunny' }));
}

function submit({ id, thread_id }: Run, tool_outputs: ReturnType<typeof outputsFor>): Promise<Run> {
  return client.beta.threads.runs.submitToolOutputs(id, { thread_id, tool_outputs });
}

function retrieve({ id, thread_id }: Run): Promise<Run> {
  return client.beta.threads.runs.retrieve(id, { thread_id });
}

describe('createAndPoll', () => {
  it('follows a run to its completion and finds the answer in the thread', async () => {
    const done = await polled({ sim_output: 'Not much' });
    expect(done).toMatchObject({ status: 'completed', last_error: null, expires_at: null });
    expect(done.started_at).toBeGreaterThanOrEqual(done.created_at);
    expect(done.usage?.total_tokens).toBeGreaterThan(0);
    const { data } = await client.beta.threads.messages.list(done.thread_id, { run_id: done.id });
    expect(data).toMatchObject([
      { role: 'assistant', run_id: done.id, content: [{ text: { value: 'Not much' } }] },
    ]);
  });

  it.each([
    ['failed', { last_error: { code: 'server_error' } }],
    ['incomplete', { incomplete_details: { reason: 'max_completion_tokens' } }],
    ['cancelled', { last_error: null }],
    ['expired', { last_error: null }],
  ] as const)('returns a run that %s', async (ending, details) => {
    expect(await polled({ sim_ending: ending })).toMatchObject({ status: ending, ...details });
  });

  it('returns when tools are needed, and submitToolOutputsAndPoll goes on from there', async () => {
    let current = await polled({ sim_tool_rounds: '2', sim_tool_calls: '2' });
    const asked: string[] = [];
    while (current.status === 'requires_action') {
      const outputs = outputsFor(current);
      asked.push(...outputs.map((output) => output.tool_call_id));
      const { id, thread_id } = current;
      current = await client.beta.threads.runs.submitToolOutputsAndPoll(
        id,
        { thread_id, tool_outputs: outputs },
        POLL,
      );
    }
    expect(current.status).toBe('completed');
    expect(new Set(asked).size).toBe(4);
    const { thread_id } = current;
    const { data } = await client.beta.threads.runs.steps.list(current.id, { thread_id, order: 'asc' });
    expect(data.map((step) => step.type)).toEqual(['tool_calls', 'tool_calls', 'message_creation']);
  });
});

describe('tool outputs', () => {
  it('must come all at once', async () => {
    const asking = await polled({ sim_ending: 'tools', sim_tool_calls: '2' });
    await expect(submit(asking, outputsFor(asking).slice(0, 1))).rejects.toThrow('Expected tool outputs for');
    expect((await submit(asking, outputsFor(asking))).status).toBe('queued');
  });

  it('are taken once, though the run still seems to ask for them', async () => {
    simulator.configure({ submitLagMs: 60_000 });
    const asking = await polled({ sim_ending: 'tools' });
    await submit(asking, outputsFor(asking));
    for (;;) {
      const seen = await retrieve(asking);
      if (seen.status !== 'requires_action') continue;
      expect(seen.required_action).toEqual(asking.required_action);
      break;
    }
    await expect(submit(asking, outputsFor(asking))).rejects.toThrow('do not accept tool outputs');
  });

  it('are named after the assistant’s functions', async () => {
    const assistant = await client.beta.assistants.create({
      model: 'gpt-5',
      tools: [
        { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } },
      ],
    });
    const asking = await client.beta.threads.createAndRunPoll(
      { assistant_id: assistant.id, metadata: { sim_ending: 'tools' } },
      POLL,
    );
    expect(asking.required_action?.submit_tool_outputs.tool_calls).toMatchObject([
      { type: 'function', function: { name: 'weather', arguments: '{}' } },
    ]);
  });
});

describe('cancelling', () => {
  it('goes through cancelling and ends cancelled', async () => {
    const { id, thread_id } = await run({ sim_ending: 'never' });
    expect((await client.beta.threads.runs.cancel(id, { thread_id })).status).toBe('cancelling');
    const cancelled = await client.beta.threads.runs.poll(id, { thread_id }, POLL);
    expect(cancelled.status).toBe('cancelled');
    expect(cancelled.cancelled_at).not.toBeNull();
  });

  it('is refused when the run has ended', async () => {
    const { id, thread_id } = await polled();
    await expect(client.beta.threads.runs.cancel(id, { thread_id })).rejects.toThrow(
      "Cannot cancel run with status 'completed'.",
    );
  });
});

describe('a thread', () => {
  it('has one active run at most and takes no messages meanwhile', async () => {
    const { id, thread_id } = await run({ sim_ending: 'never' });
    const second = client.beta.threads.runs.create(thread_id, { assistant_id: 'asst_any' });
    await expect(second).rejects.toMatchObject({
      status: 400,
      code: null,
      type: 'invalid_request_error',
      error: { message: `Thread ${thread_id} already has an active run ${id}.` },
    });
    const message = client.beta.threads.messages.create(thread_id, { role: 'user', content: 'Hurry' });
    await expect(message).rejects.toThrow(`Can't add messages to ${thread_id} while a run ${id} is active.`);
  });

  it('lists its runs page by page, so that one can be found by its metadata', async () => {
    const thread = await newThread();
    const made: string[] = [];
    for (let i = 0; i < 5; i++) {
      const body = { assistant_id: 'asst_any', metadata: { runfleet_id: `rf-${i}` } };
      made.push((await client.beta.threads.runs.createAndPoll(thread, body, POLL)).id);
    }
    const newestFirst = await Array.fromAsync(client.beta.threads.runs.list(thread, { limit: 2 }));
    expect(newestFirst.map(({ id }) => id)).toEqual(made.toReversed());
    expect(newestFirst.at(-1)?.metadata).toEqual({ runfleet_id: 'rf-0' });
    const page = await client.beta.threads.runs.list(thread, {
      limit: 2,
      order: 'asc',
      after: made[1] ?? '',
    });
    expect(page).toMatchObject({ has_more: true });
    expect(page.data.map(({ id }) => id)).toEqual(made.slice(2, 4));
    await expect(client.beta.threads.runs.list(thread, { limit: 101 })).rejects.toThrow(BadRequestError);
  });

  it('keeps messages in order', async () => {
    const done = await polled({ sim_output: 'Answer' });
    await client.beta.threads.messages.create(done.thread_id, { role: 'user', content: 'Next' });
    const { data } = await client.beta.threads.messages.list(done.thread_id, { order: 'asc' });
    expect(data.map(({ content: [part] }) => (part?.type === 'text' ? part.text.value : null))).toEqual([
      'What is up?',
      'Answer',
      'Next',
    ]);
    expect((await client.beta.threads.retrieve(done.thread_id)).id).toBe(done.thread_id);
  });
});

describe('what does not exist', () => {
  it.each([
    ['a thread', () => client.beta.threads.retrieve('thread_0')],
    ['a run', async () => client.beta.threads.runs.retrieve('run_0', { thread_id: await newThread() })],
    ['an assistant', () => client.beta.assistants.retrieve('asst_0')],
    [
      'a run of another thread',
      async () => client.beta.threads.runs.retrieve((await run()).id, { thread_id: await newThread() }),
    ],
  ])('%s answers 404', async (_, look) => {
    await expect(look()).rejects.toThrow(NotFoundError);
  });

  it('an assistant, when only known ones are accepted', async () => {
    simulator.configure({ acceptUnknownAssistants: false });
    await expect(run()).rejects.toThrow("No assistant found with id 'asst_any'.");
  });

  it('the whole Assistants API, in the mode that imitates its end', async () => {
    simulator.configure({ assistantsGone: true });
    await expect(newThread()).rejects.toThrow(NotFoundError);
    const created = await client.responses.create({ model: 'gpt-5', input: 'Hi', background: true });
    expect(created.status).toBe('queued');
  });
});

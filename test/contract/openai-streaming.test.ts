/** The streams of the `responses` kind, against the simulator. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ResponsesProvider } from '../../src/adapters/openai-responses/index.ts';
import { createOpenAiClient } from '../../src/adapters/openai-sdk/client.ts';
import type { ProviderStream, StartedStream, StreamEvent } from '../../src/ports/run-stream.ts';
import { type Simulator, startSimulator } from '../../src/simulator/index.ts';

let simulator: Simulator;
let provider: ResponsesProvider;

beforeAll(async () => {
  simulator = await startSimulator({
    durations: { type: 'fixed', ms: 50 },
    queueDurations: { type: 'fixed', ms: 5 },
    streamDeltaCharacters: 3,
  });
  const options = { apiKey: 'any-secret-key', baseUrl: simulator.baseUrl, createTimeoutMs: 1000 };
  provider = new ResponsesProvider(createOpenAiClient(options));
});
beforeEach(() => {
  simulator.reset();
  simulator.setFaults({ rules: [] });
});
afterAll(() => simulator.close());

const output = 'Panta rhei.';

async function create(metadata: Record<string, string> = {}) {
  const request = { model: 'gpt-5', input: 'Hello', metadata: { sim_output: output, ...metadata } };
  return streamed(await provider.streaming.create(request, 'run-1'));
}

function streamed({ snapshot, stream }: StartedStream) {
  if (stream === null) throw new Error('It is not streamed.');
  return { snapshot, stream };
}

/** What came, and how it ended: `null`, or the fault. */
async function read(stream: ProviderStream): Promise<{ events: StreamEvent[]; fault: unknown }> {
  const events: StreamEvent[] = [];
  try {
    for await (const event of stream) events.push(event);
    return { events, fault: null };
  } catch (fault) {
    return { events, fault };
  }
}

const textOf = (events: readonly StreamEvent[]): string =>
  events.map((event) => (event.type === 'text' ? event.text : '')).join('');
const lastSeq = (events: readonly StreamEvent[]): number => events.at(-1)?.seq ?? 0;

describe('a streamed response', () => {
  it('is created in one call, with our id, and told to its end', async () => {
    const { snapshot, stream } = await create();
    expect(snapshot).toMatchObject({ phase: 'running', status: 'queued' });
    const { events, fault } = await read(stream);
    expect(fault).toBeNull();
    expect(textOf(events)).toBe(output);
    expect(events.map(({ type }) => type)).toContain('status');
    const whole = await provider.retrieve(snapshot);
    expect(events.at(-1)).toEqual({ type: 'ended', seq: lastSeq(events), snapshot: whole });
    expect(simulator.ledger({ runs: true })).toMatchObject({
      calls: { 'responses.create': { 200: 1 } },
      runs: [{ runfleetId: 'run-1' }],
    });
  });

  it.each(['failed', 'incomplete'] as const)('ends as it does: %s', async (status) => {
    const { stream } = await create({ sim_ending: status });
    const { events } = await read(stream);
    expect(events.at(-1)).toMatchObject({ type: 'ended', snapshot: { status } });
  });

  it('goes on after a break, from any event', async () => {
    const fault = { type: 'stream_break', afterEvents: 8, midEvent: true } as const;
    simulator.setFaults({ rules: [{ operation: 'responses.create', fault, next: 1 }] });
    const { snapshot, stream } = await create();
    const first = await read(stream);
    expect(first.fault).toMatchObject({ name: 'ProviderFault', details: { type: 'unclear' } });
    const rest = await read(await provider.streaming.resume(snapshot, lastSeq(first.events)));
    expect(textOf([...first.events, ...rest.events])).toBe(output);
    const again = await read(await provider.streaming.resume(snapshot, -1));
    expect(textOf(again.events)).toBe(output);
  });

  it('ends without a word when it is cancelled or hung up', async () => {
    const { snapshot, stream } = await create({ sim_ending: 'never' });
    await provider.cancel(snapshot);
    const { events, fault } = await read(stream);
    expect([fault, events.some(({ type }) => type === 'ended')]).toEqual([null, false]);
    const other = await create({ sim_ending: 'never' });
    const reading = read(other.stream);
    other.stream.close();
    other.stream.close();
    await expect(reading).resolves.toMatchObject({ fault: null });
  });
});

it('goes on as a stream with the answers of its tools', async () => {
  const request = {
    model: 'gpt-5',
    input: 'Hello',
    tools: [{ type: 'function', name: 'add', parameters: { type: 'object' } }],
    metadata: { sim_output: output, sim_tool_rounds: '1' },
  };
  const first = streamed(await provider.streaming.create(request, 'run-1'));
  const asked = (await read(first.stream)).events.at(-1);
  const [call] = asked?.type === 'ended' ? (asked.snapshot.toolCalls ?? []) : [];
  const outputs = [{ toolCallId: call?.id ?? '', output: '4' }];
  const answers = { ref: first.snapshot, outputs, request, runId: 'run-1' };
  const next = streamed(await provider.streaming.submit(answers));
  expect(next.snapshot).toMatchObject({ phase: 'running' });
  expect(next.snapshot.providerRunId).not.toBe(first.snapshot.providerRunId);
  const { events } = await read(next.stream);
  expect(textOf(events)).toBe(output);
  expect(events.at(-1)).toMatchObject({ type: 'ended', snapshot: { status: 'completed' } });
  expect(simulator.ledger().calls).toEqual({ 'responses.create': { 200: 2 } });
});

describe('a create as a stream', () => {
  it.each([
    ['is refused', { type: 'http_error', status: 400 }, 'refused'],
    ['is throttled', { type: 'http_error', status: 429 }, 'throttled'],
    ['is lost', { type: 'lost_reply' }, 'unclear'],
    ['breaks before its first event', { type: 'stream_break', afterEvents: 0 }, 'unclear'],
    ['breaks within its first event', { type: 'stream_break', afterEvents: 0, midEvent: true }, 'unclear'],
    ['never says a word', { type: 'stream_stall', afterEvents: 0 }, 'unclear'],
    ['answers garbage', { type: 'garbage' }, 'unclear'],
  ] as const)('that %s', async (_, fault, type) => {
    simulator.setFaults({ rules: [{ operation: 'responses.create', fault, next: 1 }] });
    await expect(create()).rejects.toMatchObject({ name: 'ProviderFault', details: { type } });
  });

  it('that is not found again is a 404', async () => {
    const ref = { providerRunId: 'resp_none', threadId: null };
    await expect(provider.streaming.resume(ref, 3)).rejects.toMatchObject({ details: { type: 'not_found' } });
  });
});

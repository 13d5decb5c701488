import OpenAI from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type Simulator, startSimulator } from '../../src/simulator/index.ts';

let simulator: Simulator;
let client: OpenAI;

beforeAll(async () => {
  simulator = await startSimulator({
    durations: { type: 'fixed', ms: 40 },
    queueDurations: { type: 'fixed', ms: 5 },
    streamDeltaCharacters: 4,
  });
  client = new OpenAI({ apiKey: 'any', baseURL: simulator.baseUrl, maxRetries: 0 });
});

beforeEach(() => {
  simulator.reset();
  simulator.setFaults({ rules: [] });
});
afterAll(() => simulator.close());

type Event = OpenAI.Responses.ResponseStreamEvent;

const output = 'Streams run to the sea: 🌊🌊🌊.';

function open(metadata: Record<string, string> = {}, background = true) {
  return client.responses.create({
    model: 'gpt-5',
    input: 'Hello',
    background,
    stream: true,
    metadata: { sim_output: output, ...metadata },
  });
}

const resume = (id: string, starting_after: number) =>
  client.responses.retrieve(id, { stream: true, starting_after });

async function all(events: AsyncIterable<Event>): Promise<Event[]> {
  const seen: Event[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

/** What came before the stream broke. */
async function some(events: AsyncIterable<Event>): Promise<Event[]> {
  const seen: Event[] = [];
  try {
    for await (const event of events) seen.push(event);
  } catch {
    // Broken, as it should be.
  }
  return seen;
}

const textOf = (events: readonly Event[]): string =>
  events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join('');
const numbersOf = (events: readonly Event[]): number[] => events.map((event) => event.sequence_number);

function idOf(events: readonly Event[]): string {
  const first = events[0];
  if (first?.type !== 'response.created') throw new Error('The stream does not begin with its response.');
  return first.response.id;
}

describe('a stream', () => {
  it('tells a response from its creation to its end, in numbered events', async () => {
    const events = await all(await open());
    expect(numbersOf(events)).toEqual(events.map((_, at) => at));
    expect(events.slice(0, 3).map(({ type }) => type)).toEqual([
      'response.created',
      'response.queued',
      'response.in_progress',
    ]);
    expect(textOf(events)).toBe(output);
    const last = events.at(-1);
    const id = idOf(events);
    const { output_text: _text, ...response } = await client.responses.retrieve(id);
    expect(last).toEqual({ type: 'response.completed', sequence_number: events.length - 1, response });
    expect(simulator.ledger().calls).toEqual({
      'responses.create': { 200: 1 },
      'responses.retrieve': { 200: 1 },
    });
  });

  it.each([
    ['failed', 'response.failed'],
    ['incomplete', 'response.incomplete'],
  ])('ends as the response: %s', async (sim_ending, type) => {
    const events = await all(await open({ sim_ending }));
    expect(events.at(-1)).toMatchObject({ type, response: { status: sim_ending } });
  });

  it('tells function calls', async () => {
    const tools = [{ type: 'function' as const, name: 'weather', strict: true, parameters: {} }];
    const events = await all(
      await client.responses.create({
        model: 'gpt-5',
        input: 'Hello',
        background: true,
        stream: true,
        tools,
        metadata: { sim_ending: 'tools' },
      }),
    );
    expect(events.map(({ type }) => type)).toContain('response.function_call_arguments.done');
    expect(events.at(-1)).toMatchObject({
      response: { output: [{ type: 'function_call', name: 'weather' }] },
    });
  });

  it('breaks off when the response is cancelled', async () => {
    const stream = await open({ sim_ending: 'never' });
    const events: Event[] = [];
    for await (const event of stream) {
      events.push(event);
      if (event.type === 'response.in_progress') await client.responses.cancel(idOf(events));
    }
    expect(events.at(-1)?.type).toBe('response.in_progress');
    await expect(all(await resume(idOf(events), 2))).resolves.toEqual([]);
  });
});

describe('a stream that is resumed', () => {
  it('goes on after the number, also when the response has ended', async () => {
    const whole = await all(await open());
    const rest = await all(await resume(idOf(whole), 4));
    expect(rest).toEqual(whole.slice(5));
  });

  it('is refused where the response was not created as a stream', async () => {
    const { id } = await client.responses.create({ model: 'gpt-5', input: 'Hello', background: true });
    await expect(resume(id, 0)).rejects.toMatchObject({ status: 400, param: 'stream' });
    const events = await all(await open({}, false));
    await expect(resume(idOf(events), 0)).rejects.toMatchObject({ status: 400 });
    const path = `/responses/${id}?stream=true&starting_after=x`;
    await expect(client.get(path)).rejects.toMatchObject({ status: 400 });
  });
});

const broken = (midEvent: boolean) =>
  simulator.setFaults({
    rules: [{ operation: 'responses.create', fault: { type: 'stream_break', afterEvents: 5, midEvent } }],
  });

describe('a stream in trouble', () => {
  it.each([false, true])('breaks where it is told to, in the middle of an event: %s', async (midEvent) => {
    broken(midEvent);
    const seen = await some(await open());
    expect(numbersOf(seen)).toEqual([0, 1, 2, 3, 4]);
    const rest = await all(await resume(idOf(seen), 4));
    expect(textOf([...seen, ...rest])).toBe(output);
  });

  it('falls silent where it is told to', async () => {
    const fault = { type: 'stream_stall', afterEvents: 3 } as const;
    simulator.setFaults({ rules: [{ operation: 'responses.create', fault, next: 1 }] });
    const stream = await open();
    const seen: Event[] = [];
    for await (const event of stream) {
      seen.push(event);
      if (seen.length === 3) break;
    }
    const whole = await all(await resume(idOf(seen), 2));
    expect(textOf(whole)).toBe(output);
  });

  it('leaves what is not streamed alone', async () => {
    broken(false);
    await client.responses.create({ model: 'gpt-5', input: 'Hello', background: true });
    expect(simulator.ledger().calls).toEqual({ 'responses.create': { 200: 1 } });
  });

  it('is refused, throttled and lost like any other call', async () => {
    simulator.setFaults({
      rules: [
        { operation: 'responses.create', fault: { type: 'http_error', status: 429 }, next: 1 },
        { operation: 'responses.create', fault: { type: 'lost_reply' }, next: 1 },
      ],
    });
    await expect(open()).rejects.toMatchObject({ status: 429 });
    await expect(open()).rejects.toThrow('Connection error');
    expect(simulator.ledger().responses.created).toBe(1);
  });
});

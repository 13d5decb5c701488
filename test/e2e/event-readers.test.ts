/** Many readers of events at one API process, of runs that another process streams. Some of them take nothing. */

import type { ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import type { RunEvent } from '../../src/client/index.ts';
import { eventually } from '../support/eventually.ts';
import { Fleet, secrets } from '../support/fleet.ts';
import { SseReader } from '../support/http/sse-reader.ts';
import { useRedis } from '../support/redis.ts';
import { stubServer } from '../support/stub-server.ts';

const redis = useRedis();

/** A response whose words the test chooses. */
class Telling {
  output = '';
  private readonly response: ServerResponse;
  private readonly id: string;
  private readonly metadata: unknown;
  private seq = 0;

  constructor(response: ServerResponse, id: string, metadata: unknown) {
    this.response = response.writeHead(200, { 'content-type': 'text/event-stream' });
    this.id = id;
    this.metadata = metadata;
    this.tell('response.created', { response: this.body('queued') });
    this.tell('response.in_progress', { response: this.body('in_progress') });
  }

  say(delta: string): void {
    this.output += delta;
    this.tell('response.output_text.delta', { delta });
  }

  finish(): void {
    this.tell('response.completed', { response: this.body('completed') });
    this.response.end();
  }

  private tell(type: string, fields: object): void {
    this.response.write(`data: ${JSON.stringify({ type, sequence_number: this.seq, ...fields })}\n\n`);
    this.seq += 1;
  }

  private body(status: string): object {
    const content = [{ type: 'output_text', text: this.output }];
    const output = status === 'completed' ? [{ type: 'message', content }] : [];
    return { id: this.id, status, metadata: this.metadata, output };
  }
}

/** What one reader has had, over connections that it leaves after so many events. */
class Reader {
  text = '';
  readonly ids: string[] = [];
  readonly done: Promise<void>;

  constructor(fleet: Fleet, id: string, eventsAConnection: number, lastEventId?: string) {
    if (lastEventId !== undefined) this.ids.push(lastEventId);
    this.done = this.read(fleet, id, eventsAConnection);
  }

  private async read(fleet: Fleet, id: string, eventsAConnection: number): Promise<void> {
    for (;;) {
      let left = eventsAConnection;
      for await (const event of fleet.client.runs.events(id, { lastEventId: this.ids.at(-1) })) {
        this.take(event);
        left -= 1;
        if (event.type === 'done') return;
        if (left === 0) break;
      }
    }
  }

  private take(event: RunEvent): void {
    this.ids.push(event.id);
    if (event.type === 'output') this.text += event.text;
  }
}

/** Reads to the end of the connection, however it comes. */
async function rest(reader: SseReader): Promise<{ readonly text: string; readonly lastId: string }> {
  let read = '';
  let lastId = '';
  try {
    for (let event = await reader.next(); event !== null; event = await reader.next()) {
      lastId = event.id;
      if (event.type === 'output') read += String(event.data['text']);
    }
  } catch {
    // It was cut off.
  }
  return { text: read, lastId };
}

it('tells a hundred readers all there is, in order, while ten others take nothing and are cut off', async (test) => {
  const tellings = new Map<unknown, Telling>();
  await using provider = await stubServer((request, response) => {
    response.on('error', () => {});
    const answer = async (): Promise<void> => {
      const sent: { model: string; metadata: unknown } = JSON.parse(await text(request));
      tellings.set(sent.model, new Telling(response, `resp_${sent.model}`, sent.metadata));
    };
    void answer();
  });
  const fleet = await Fleet.start(test, { redis, baseUrl: () => provider.baseUrl });
  const figure = async (name: string): Promise<number> => {
    const headers = { authorization: `Bearer ${secrets.runfleet}` };
    const page = await (await fetch(`${fleet.api.apiUrl}/metrics`, { headers })).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1] ?? Number.NaN);
  };
  const begin = async (model: string): Promise<{ readonly id: string; readonly telling: Telling }> => {
    const { id } = await fleet.client.runs.create({
      follow: 'stream',
      request: { model, input: 'Hello' },
    });
    const told = await eventually(
      'the response to be created',
      () => tellings.get(model),
      (telling) => telling !== undefined,
    );
    if (told === undefined) throw new Error('No response.');
    return { id, telling: told };
  };
  const brook = await begin('brook');
  const flood = await begin('flood');
  const idle = await Promise.all(
    Array.from({ length: 10 }, () =>
      SseReader.open(`${fleet.api.apiUrl}/v1/runs/${flood.id}/events`, undefined, {
        authorization: `Bearer ${secrets.runfleet}`,
      }),
    ),
  );
  const swimmer = new Reader(fleet, flood.id, Infinity);
  const readers = Array.from(
    { length: 99 },
    (_, n) => new Reader(fleet, brook.id, n < 50 ? Infinity : 3 + n),
  );
  const residentBefore = await figure('process_resident_memory_bytes');
  const allHave = (what: string, { output }: Telling, who: readonly Reader[]) =>
    eventually(
      `${what} to reach its readers`,
      () => who.map((reader) => reader.text.length),
      (lengths) => lengths.every((length) => length === output.length),
      { withinMs: 30_000 },
    );

  // More than the sockets of this machine take unread; and beside it, word by word.
  for (let n = 0; n < 48; n += 1) {
    flood.telling.say(String.fromCodePoint(97 + (n % 26)).repeat(250_000));
    brook.telling.say(`word ${n} `);
    await Promise.all([
      allHave('the flood', flood.telling, [swimmer]),
      allHave('the brook', brook.telling, readers),
    ]);
  }
  await eventually(
    'those who take nothing to be cut off',
    () => figure('runfleet_event_readers_cut_total'),
    (cut) => cut === idle.length,
    { withinMs: 90_000 },
  );
  // An event each, and what is in their sockets; not what they have not taken.
  const grownMb = ((await figure('process_resident_memory_bytes')) - residentBefore) / 1e6;
  expect(grownMb).toBeLessThan(250);
  brook.telling.say('and the last.');
  brook.telling.finish();
  flood.telling.finish();

  await Promise.all([swimmer, ...readers].map(({ done }) => done));
  expect(swimmer.text === flood.telling.output).toBe(true);
  expect(new Set(readers.map((reader) => reader.text))).toEqual(new Set([brook.telling.output]));
  for (const { ids } of readers) expect(new Set(ids).size).toBe(ids.length);
  // They come back with the id of the last event that they have.
  for (const { text: read, lastId } of await Promise.all(idle.map(rest))) {
    const back = new Reader(fleet, flood.id, Infinity, lastId);
    await back.done;
    expect(read.length).toBeLessThan(flood.telling.output.length);
    expect(read + back.text === flood.telling.output).toBe(true);
  }
}, 240_000);

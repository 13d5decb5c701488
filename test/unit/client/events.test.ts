import { expect, test } from 'vitest';
import { RunfleetClient, type RunEvent } from '../../../src/client/index.ts';
import { aProblem, aRun, ended, FakeTiming, type Reply, Stub } from './stub.ts';

const event = (id: string, type: string, data: unknown): string =>
  `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
const stream = (text: string): Reply => ({
  text: `retry: 1000\n\n${text}`,
  headers: { 'content-type': 'text/event-stream; charset=utf-8' },
});

function clientOf(stub: Stub): RunfleetClient {
  return new RunfleetClient({ baseUrl: stub.url, apiKey: 'key', timing: new FakeTiming() });
}

async function all(events: AsyncIterable<RunEvent>): Promise<string[]> {
  const seen: string[] = [];
  for await (const one of events) seen.push(`${one.type} ${one.id}`);
  return seen;
}

const running = event('0.in_progress', 'status', aRun());
const done = event('0.completed.done', 'done', ended());

test('gives the events up to the end', async () => {
  await using stub = await Stub.start(stream(`${running}:\n\n${done}`));
  await expect(all(clientOf(stub).runs.events('run_1'))).resolves.toEqual([
    'status 0.in_progress',
    'done 0.completed.done',
  ]);
  expect(stub.requests).toMatchObject([
    { path: '/v1/runs/run_1/events', headers: { accept: 'text/event-stream', authorization: 'Bearer key' } },
  ]);
});

test('comes back with the id of the last event when the stream breaks off', async () => {
  await using stub = await Stub.start(
    'reset',
    stream(`${running}${done.slice(0, 40)}`),
    aProblem(503),
    stream(done),
  );
  await expect(all(clientOf(stub).runs.events('run_1'))).resolves.toEqual([
    'status 0.in_progress',
    'done 0.completed.done',
  ]);
  expect(stub.requests.map(({ headers }) => headers['last-event-id'])).toEqual([
    undefined,
    undefined,
    '0.in_progress',
    '0.in_progress',
  ]);
});

test('goes on where an earlier iteration stopped, and ends when there is no more', async () => {
  await using stub = await Stub.start({ status: 204, text: '' });
  const events = clientOf(stub).runs.events('run_1', { lastEventId: '0.completed.done' });
  await expect(all(events)).resolves.toEqual([]);
  expect(stub.requests[0]?.headers['last-event-id']).toBe('0.completed.done');
});

test('says at once that there is no such run, and what is no stream', async () => {
  await using stub = await Stub.start(
    aProblem(404),
    { json: aRun() },
    stream('id: 1\nevent: done\ndata: {}\n\n'),
  );
  const client = clientOf(stub);
  await expect(all(client.runs.events('run_1'))).rejects.toMatchObject({ status: 404 });
  await expect(all(client.runs.events('run_1'))).rejects.toMatchObject({
    name: 'RunfleetUnexpectedAnswerError',
  });
  await expect(all(client.runs.events('run_1'))).rejects.toMatchObject({
    name: 'RunfleetUnexpectedAnswerError',
  });
});

test('passes over what a newer server may send', async () => {
  await using stub = await Stub.start(stream(`${event('1.x', 'weather', { sun: true })}${done}`));
  await expect(all(clientOf(stub).runs.events('run_1'))).resolves.toEqual(['done 0.completed.done']);
});

test('text with odd line ends stays one event', async () => {
  const text = 'a\u2028b\u2029c\r\nd';
  await using stub = await Stub.start(
    stream(event('0.completed.done', 'done', ended({ output_text: text }))),
  );
  const texts: (string | null)[] = [];
  for await (const one of clientOf(stub).runs.events('run_1'))
    if (one.type === 'done') texts.push(one.run.output_text);
  expect(texts).toEqual([text]);
});

test('gives up on a server that is never there', async () => {
  await using stub = await Stub.start(...Array.from({ length: 5 }, () => 'reset' as const));
  await expect(all(clientOf(stub).runs.events('run_1'))).rejects.toMatchObject({
    name: 'RunfleetConnectionError',
  });
  expect(stub.requests).toHaveLength(5);
});

test('ends with its signal', async () => {
  await using stub = await Stub.start('hang');
  const stop = new AbortController();
  const events = all(clientOf(stub).runs.events('run_1', { signal: stop.signal }));
  await stub.received(1);
  stop.abort(new Error('enough'));
  await expect(events).rejects.toThrow('enough');
});

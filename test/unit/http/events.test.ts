import { expect, onTestFinished, test } from 'vitest';
import { runView } from '../../../src/domain/wire/run-view.ts';
import type { HttpDeps } from '../../../src/http/deps.ts';
import { following } from '../../support/fakes/builders.ts';
import { eventually } from '../../support/fakes/eventually.ts';
import { completedOutcome, endedState } from '../../support/http/endings.ts';
import { SseReader } from '../../support/http/sse-reader.ts';
import { startApp, type TestApp } from '../../support/http/test-app.ts';

async function start(
  overrides: Partial<HttpDeps> = {},
  follow: 'auto' | 'stream' = 'auto',
): Promise<{ app: TestApp; id: string }> {
  const app = await startApp(overrides);
  const answer = await app.call('POST', '/v1/runs', { follow, request: { model: 'x' } });
  return { app, id: runView.parse(await answer.json()).id };
}

const subscribe = (app: TestApp, id: string, lastEventId?: string): Promise<SseReader> =>
  SseReader.open(`${app.url}/v1/runs/${id}/events`, lastEventId);

async function park(app: TestApp, id: string, patch: Parameters<typeof following>[0]): Promise<void> {
  const dueAtMs = app.store.dueAtMs(id);
  if (dueAtMs !== null) app.clock.reach(dueAtMs);
  const state = following({ wakeAtMs: app.clock.nowMs() + 1000, ...patch });
  await app.store.claim(id)?.park(state);
  await app.events.publish({ runId: id, status: 'in_progress', atMs: 0 });
}

async function end(app: TestApp, id: string): Promise<void> {
  app.clock.reach(Math.max(app.clock.nowMs(), app.store.dueAtMs(id) ?? 0));
  await app.store.claim(id)?.commit(endedState, completedOutcome);
  await app.events.publish({ runId: id, status: 'completed', atMs: 0 });
}

test('tells each status and the end, and ends', async () => {
  const { app, id } = await start();
  const reader = await subscribe(app, id);
  expect(reader.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(await reader.next()).toMatchObject({ type: 'status', data: { id, status: 'accepted' } });
  await park(app, id, { status: 'queued' });
  expect(await reader.next()).toMatchObject({ type: 'status', data: { status: 'queued' } });
  await park(app, id, {});
  expect(await reader.next()).toMatchObject({ type: 'status', data: { status: 'in_progress' } });
  await end(app, id);
  expect(await reader.next()).toMatchObject({
    type: 'done',
    data: { status: 'completed', output_text: 'SECRET-ANSWER' },
  });
  expect(await reader.next()).toBeNull();
  expect(app.events.listenerCount(id)).toBe(0);
});

test('a run that has ended is told at once', async () => {
  const { app, id } = await start();
  await end(app, id);
  const reader = await subscribe(app, id);
  expect(await reader.next()).toMatchObject({ type: 'done', data: { status: 'completed' } });
  expect(await reader.next()).toBeNull();
});

test('goes on from the last event: nothing twice, and what came meanwhile', async () => {
  const { app, id } = await start();
  await park(app, id, {});
  const first = await subscribe(app, id);
  const seen = await first.next();
  expect(seen).toMatchObject({ data: { status: 'in_progress' } });
  await first.cancel();

  const second = await subscribe(app, id, seen?.id);
  await eventually(() => expect(app.events.listenerCount(id)).toBeGreaterThan(0));
  await end(app, id);
  const done = await second.next();
  expect(done).toMatchObject({ type: 'done' });

  const third = await subscribe(app, id, done?.id);
  expect(third.response.status).toBe(204);
  expect(await third.next()).toBeNull();
});

test('the same question for tools is asked once, another one again', async () => {
  const { app, id } = await start();
  const calls = { create: 1, retrieve: 1, submit: 0, cancel: 0, list: 0 };
  const asks = { status: 'requires_action', toolCalls: [{ id: 'c1', name: 'a', arguments: '{}' }] } as const;
  await park(app, id, { ...asks, calls });
  const first = await subscribe(app, id);
  const seen = await first.next();
  expect(seen).toMatchObject({ data: { required_action: { tool_calls: [{ id: 'c1' }] } } });
  await first.cancel();
  await park(app, id, { ...asks, calls: { ...calls, retrieve: 2 } });
  const second = await subscribe(app, id, seen?.id);
  await eventually(() => expect(app.events.listenerCount(id)).toBe(1));
  await park(app, id, {
    ...asks,
    toolCalls: [{ id: 'c2', name: 'a', arguments: '{}' }],
    calls: { ...calls, submit: 1 },
  });
  expect(await second.next()).toMatchObject({ data: { required_action: { tool_calls: [{ id: 'c2' }] } } });
  await second.cancel();
});

test('no such run is a 404, and no such event id a 400', async () => {
  const { app, id } = await start();
  expect((await app.call('GET', '/v1/runs/nobody/events')).status).toBe(404);
  expect(
    (await app.call('GET', '/v1/runs/nobody/events', undefined, { 'last-event-id': '0.completed.done' }))
      .status,
  ).toBe(404);
  expect((await app.call('HEAD', '/v1/runs/nobody/events')).status).toBe(404);
  expect((await app.call('HEAD', `/v1/runs/${id}/events`)).status).toBe(200);
  const answer = await app.call('GET', `/v1/runs/${id}/events`, undefined, { 'last-event-id': '17' });
  expect([answer.status, await answer.json()]).toMatchObject([
    400,
    { errors: [{ pointer: '/headers/Last-Event-ID' }] },
  ]);
});

test('while Redis is away, it is a 503', async () => {
  const { app, id } = await start();
  app.store.unavailable = true;
  expect((await app.call('GET', `/v1/runs/${id}/events`)).status).toBe(503);
  expect(app.events.listenerCount(id)).toBe(0);
});

test('when the process stops, every stream ends', async () => {
  const { app, id } = await start();
  const readers = await Promise.all([1, 2, 3].map(() => subscribe(app, id)));
  for (const reader of readers) await reader.next();
  app.stop.abort();
  for (const reader of readers) expect(await reader.next()).toBeNull();
  expect((await subscribe(app, id)).response.status).toBe(200);
});

test('a reader who hangs up leaves nothing behind', async () => {
  const { app, id } = await start();
  const reader = await subscribe(app, id);
  await reader.next();
  await reader.cancel();
  await eventually(() => expect(app.events.listenerCount(id)).toBe(0));
  expect(app.log.filter(({ level }) => Number(level) > 20)).toEqual([]);
});

test('a slow reader holds nobody up, and gets the end all the same', async () => {
  const { app, id } = await start();
  const slow = await subscribe(app, id);
  const quick = await subscribe(app, id);
  await quick.next();
  for (let round = 0; round < 20; round += 1) {
    await park(app, id, { status: round % 2 === 0 ? 'queued' : 'in_progress' });
    expect(await quick.next()).toMatchObject({ type: 'status' });
  }
  await end(app, id);
  expect(await quick.next()).toMatchObject({ type: 'done' });
  let last = await slow.next();
  while (last !== null && last.type !== 'done') last = await slow.next();
  expect(last).toMatchObject({ type: 'done' });
});

test('a reader that takes nothing is cut off, and goes on where it was; the others go on at once', async () => {
  const open = { count: 0, cut: 0 };
  const eventReaders = {
    came: () => void (open.count += 1),
    went: (how: 'left' | 'cut') => {
      open.count -= 1;
      open.cut += how === 'cut' ? 1 : 0;
    },
  };
  const warnings: string[] = [];
  const warned = ({ name, message }: Error): void => {
    if (name === 'MaxListenersExceededWarning') warnings.push(message);
  };
  process.on('warning', warned);
  onTestFinished(() => void process.off('warning', warned));
  const { app, id } = await start({ eventReaders, limits: { drainMs: 3000 } }, 'stream');
  await park(app, id, {});
  const slow = await subscribe(app, id);
  const quick = new Reading(await subscribe(app, id));
  await app.streams.claim(id, 'worker');
  // More than a socket of this machine takes unread.
  const words = Array.from({ length: 40 }, (_, n) => String.fromCodePoint(97 + (n % 26)).repeat(250_000));
  let length = 0;
  for (const [seq, text] of words.entries()) {
    length += text.length;
    await app.streams.append(id, 'worker', { end: length, text }, seq);
    await quick.until(({ text: { length: read } }) => read === length);
  }
  await eventually(() => expect(open).toEqual({ count: 1, cut: 1 }));
  const before = new Reading(slow);
  await before.toItsEnd();
  expect(before.text.length).toBeLessThan(length);
  const after = new Reading(await subscribe(app, id, before.lastId));
  await after.until(({ text }) => before.text.length + text.length === length);
  expect(before.text + after.text).toBe(words.join(''));
  expect(quick.text).toBe(words.join(''));
  await Promise.all([quick.reader.cancel(), after.reader.cancel()]);
  await eventually(() => expect(open.count).toBe(0));
  // No turn of waiting for a reader leaves a listener behind.
  expect(warnings).toEqual([]);
});

/** What one reader has had. */
class Reading {
  readonly reader: SseReader;
  text = '';
  lastId = '';

  constructor(reader: SseReader) {
    this.reader = reader;
  }

  async until(isReached: (reading: Reading) => boolean): Promise<void> {
    while (!isReached(this)) if (!(await this.take())) throw new Error('The stream has ended.');
  }

  /** However the connection ends. */
  async toItsEnd(): Promise<void> {
    while (await this.take().catch(() => false));
  }

  private async take(): Promise<boolean> {
    const event = await this.reader.next();
    if (event === null) return false;
    this.lastId = event.id;
    if (event.type === 'output') this.text += String(event.data['text']);
    return true;
  }
}

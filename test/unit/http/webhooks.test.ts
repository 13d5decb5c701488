import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { StandardWebhookVerifier } from '../../../src/adapters/webhooks/verify.ts';
import { FakeWebhookInbox } from '../../support/fakes/webhooks.ts';
import { ManualClock } from '../../support/fakes/manual-clock.ts';
import { raw } from '../../support/http/raw.ts';
import { startApp } from '../../support/http/test-app.ts';
import { anEvent, signedWebhook, webhookSecret } from '../../support/webhooks.ts';

const path = '/v1/webhooks/openai';

async function app(options: { readonly secret?: string | null } = {}) {
  const inbox = new FakeWebhookInbox();
  const notes: unknown[] = [];
  const secret = options.secret === undefined ? webhookSecret : options.secret;
  const started = await startApp({
    apiKeys: [{ name: 'ann', key: 'key-of-ann', scopes: ['admin'] }],
    webhooks: {
      verifier: secret === null ? null : new StandardWebhookVerifier([{ secret, account: 'default' }]),
      inbox,
      clock: new ManualClock(Date.now()),
      note: (...note) => notes.push(note.slice(0, 2)),
    },
  });
  return { ...started, inbox, notes };
}

async function problemOf(answer: Response): Promise<string> {
  expect(answer.status).toBe(400);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const body: unknown = await answer.json();
  return String(Reflect.get(Object(body), 'detail'));
}

test('takes a signed webhook without an API key, once', async () => {
  const { inbox, notes, ...started } = await app();
  const { body, headers } = signedWebhook(anEvent('resp_1'), { id: 'wh_1' });
  for (const result of ['woken', 'duplicate']) {
    const answer = await started.call('POST', path, body, headers);
    expect([answer.status, await answer.json()]).toEqual([200, { received: true }]);
    expect(notes.at(-1)).toEqual(['response.completed', result]);
  }
  expect(inbox.taken[0]).toEqual({
    kind: 'responses',
    providerRunId: 'resp_1',
    webhookId: 'wh_1',
    account: 'default',
  });
});

test('takes it under any name and content type', async () => {
  const started = await app();
  const { body, headers } = signedWebhook(anEvent('resp_1'));
  for (const extra of [
    { host: 'tunnel.example.com' },
    { 'content-type': 'text/plain; charset=latin1' },
    { 'content-type': ';;;' },
  ]) {
    const answer = await raw(started, { method: 'POST', path, headers: { ...headers, ...extra }, body });
    expect(answer.status).toBe(200);
  }
});

test('counts events without news, and answers 200', async () => {
  const { inbox, notes, ...started } = await app();
  for (const type of ['response.in_progress', 'batch.completed', 'something.new']) {
    const { body, headers } = signedWebhook({ type, data: {} });
    expect((await started.call('POST', path, body, headers)).status).toBe(200);
  }
  expect(notes).toEqual([
    ['response.in_progress', 'ignored'],
    ['other', 'ignored'],
    ['other', 'ignored'],
  ]);
  expect(inbox.taken).toEqual([]);
});

test('names the variable where no secret is set', async () => {
  const started = await app({ secret: null });
  const { body, headers } = signedWebhook(anEvent('resp_1'));
  expect(await problemOf(await started.call('POST', path, body, headers))).toMatch(/OPENAI_WEBHOOK_SECRET/);
});

test('asks the sender to come again while Redis is away', async () => {
  const { inbox, notes, ...started } = await app();
  inbox.unavailable = true;
  const { body, headers } = signedWebhook(anEvent('resp_1'));
  const answer = await started.call('POST', path, body, headers);
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
  expect(notes).toEqual([['response.completed', 'unavailable']]);
});

describe('is refused with 400, never 500', () => {
  const good = signedWebhook(anEvent('resp_1'));
  const bodies: [string, string][] = [
    ['nothing', ''],
    ['no JSON', '{"type":'],
    ['no object', '[]'],
    ['no type', '{}'],
    ['no id', '{"type":"response.completed","data":{}}'],
    ['a deep one', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  ];
  test.each(bodies)('signed, but %s', async (_name, body) => {
    const { inbox, ...started } = await app();
    const { headers } = signedWebhook(body);
    await problemOf(await started.call('POST', path, body, headers));
    expect(inbox.taken).toEqual([]);
  });

  test.each([
    ['a forged signature', signedWebhook(anEvent('resp_1'), { secret: `whsec_${'QUFB'.repeat(8)}` })],
    ['a stale one', signedWebhook(anEvent('resp_1'), { atMs: Date.now() - 400_000 })],
    ['one from the future', signedWebhook(anEvent('resp_1'), { atMs: Date.now() + 400_000 })],
    ['no headers', { body: good.body, headers: {} }],
    ['a changed body', { ...good, body: `${good.body} ` }],
    ['a large body', { ...good, body: 'x'.repeat(300_000) }],
  ])('%s', async (_name, { body, headers }) => {
    const { inbox, notes, log, ...started } = await app();
    const detail = await problemOf(await started.call('POST', path, body, { ...headers }));
    expect(detail).not.toContain(webhookSecret);
    expect(inbox.taken).toEqual([]);
    expect(notes.every((note) => JSON.stringify(note) === '["other","refused"]')).toBe(true);
    expect(JSON.stringify(log)).not.toContain(webhookSecret);
  });

  test('bytes that are no text, though they are signed', async () => {
    const started = await app();
    const { headers } = signedWebhook(anEvent('resp_1'));
    const body = Buffer.from([0xff, 0xfe, 0x7b]);
    const answer = await raw(started, { method: 'POST', path, headers: { ...headers }, body });
    expect(answer.status).toBe(400);
  });

  test('a compressed body', async () => {
    const started = await app();
    expect(
      await problemOf(await started.call('POST', path, 'x', { ...good.headers, 'content-encoding': 'gzip' })),
    ).toMatch(/Content-Encoding/);
  });

  test.each([
    ['a broken chunk', 'Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n'],
    ['two lengths', 'Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'],
  ])('%s', async (_name, rest) => {
    const { url } = await app();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${rest}`);
    expect(await text(socket)).toMatch(/^HTTP\/1.1 400/);
  });
});

import * as fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { StandardWebhookVerifier } from '../../../src/adapters/webhooks/verify.ts';
import type { WebhookMessage } from '../../../src/ports/webhooks.ts';

const secret = `whsec_${Buffer.from('a secret of thirty-two bytes ok!').toString('base64')}`;
const other = `whsec_${Buffer.from('another one of thirty-two bytes!').toString('base64')}`;
const nowMs = Date.parse('2026-11-20T12:00:00Z');
const verifier = new StandardWebhookVerifier([
  { secret, account: 'default' },
  { secret: other, account: 'second' },
]);

/** As the official package signs it. */
function signed(
  body: string,
  options: { readonly by?: string; readonly atMs?: number } = {},
): WebhookMessage {
  const atMs = options.atMs ?? nowMs;
  return {
    id: 'wh_1',
    timestamp: String(Math.floor(atMs / 1000)),
    signature: new Webhook(options.by ?? secret).sign('wh_1', new Date(atMs), body),
    body: Buffer.from(body),
  };
}

const refused = (message: WebhookMessage): string => {
  const verdict = verifier.verify(message, nowMs);
  return verdict.genuine ? '' : verdict.reason;
};

describe('a webhook of the official package', () => {
  it('is genuine, and tells whose it is', () => {
    expect(verifier.verify(signed('{"a":"ä"}'), nowMs)).toEqual({ genuine: true, accounts: ['default'] });
    const byOther = verifier.verify(signed('{}', { by: other }), nowMs);
    expect(byOther).toEqual({ genuine: true, accounts: ['second'] });
  });

  it('is that of all accounts that share its secrets, each once', () => {
    const shared = new StandardWebhookVerifier([
      { secret, account: 'default' },
      { secret: other, account: 'default' },
      { secret: other, account: 'second' },
    ]);
    const verdict = shared.verify(signed('{}', { by: other }), nowMs);
    expect(verdict).toEqual({ genuine: true, accounts: ['default', 'second'] });
    const signature = `${signed('{}').signature ?? ''} ${signed('{}', { by: other }).signature ?? ''}`;
    expect(shared.verify({ ...signed('{}'), signature }, nowMs)).toEqual(verdict);
  });

  it('is genuine with any of several signatures, and with versions that we do not know', () => {
    const message = signed('{}');
    const signature = `v1a,AAAA v1,${'A'.repeat(43)}= ${message.signature ?? ''} v2,x`;
    expect(verifier.verify({ ...message, signature }, nowMs).genuine).toBe(true);
  });

  it('is genuine up to 300 seconds to both sides, and no longer', () => {
    for (const seconds of [-300, 0, 300])
      expect(refused(signed('{}', { atMs: nowMs + seconds * 1000 }))).toBe('');
    expect(refused(signed('{}', { atMs: nowMs - 301_000 }))).toMatch(/5 minutes old/);
    expect(refused(signed('{}', { atMs: nowMs + 301_000 }))).toMatch(/5 minutes ahead/);
  });
});

describe('anything else', () => {
  it.each([
    ['no id', { id: undefined }],
    ['an empty id', { id: '' }],
    ['another id', { id: 'wh_2' }],
    ['an endless id', { id: 'x'.repeat(257) }],
    ['no timestamp', { timestamp: undefined }],
    ['a timestamp that is none', { timestamp: '1e9' }],
    ['a timestamp that was changed', { timestamp: String(nowMs / 1000 + 1) }],
    ['no signature', { signature: undefined }],
    ['a signature that is none', { signature: 'v1,' }],
    ['a signature of another version', { signature: 'v2,AAAA' }],
    ['endless signatures', { signature: 'v1,AAAA '.repeat(20_000) }],
    ['another body', { body: Buffer.from('{ }') }],
    ['no body', { body: new Uint8Array() }],
  ])('%s is refused', (_name, change) => {
    expect(refused({ ...signed('{}'), ...change })).not.toBe('');
  });

  it('is refused when a single bit of it was changed', () => {
    const message = signed('{"type":"response.completed","data":{"id":"resp_1"}}');
    const { length } = message.body;
    fc.assert(
      fc.property(fc.nat(length - 1), fc.nat(7), (at, bit) => {
        const body = Uint8Array.from(message.body);
        body[at] = (body[at] ?? 0) ^ (1 << bit);
        expect(refused({ ...message, body })).toMatch(/No signature matches/);
      }),
    );
  });
});

import { randomBytes } from 'node:crypto';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { retryAfterMs } from '../../../../src/adapters/outbound-sdk/retry-after.ts';
import { signWebhook, webhookKey } from '../../../../src/adapters/outbound-sdk/standard-webhooks.ts';

const secret = (): string => `whsec_${randomBytes(32).toString('base64')}`;
const body = JSON.stringify({ type: 'run.completed', data: { output_text: 'zażółć gęślą jaźń 🚀' } });

describe('a signature', () => {
  it('is what the official package verifies, with the old secret and with the new', () => {
    const [old, current, other] = [secret(), secret(), secret()];
    const headers = signWebhook([webhookKey(current), webhookKey(old)], {
      id: 'msg_1',
      atMs: Date.now(),
      body,
    });
    for (const known of [old, current]) {
      expect(new Webhook(known).verify(body, { ...headers })).toEqual(JSON.parse(body));
    }
    expect(() => new Webhook(other).verify(body, { ...headers })).toThrow(WebhookVerificationError);
    expect(() => new Webhook(old).verify(`${body} `, { ...headers })).toThrow(WebhookVerificationError);
  });

  it('is what the official package makes', () => {
    const given = secret();
    const atMs = 1_700_000_000_999;
    const headers = signWebhook([webhookKey(given)], { id: 'msg_1', atMs, body });
    expect(headers).toEqual({
      'webhook-id': 'msg_1',
      'webhook-timestamp': '1700000000',
      'webhook-signature': new Webhook(given).sign('msg_1', new Date(atMs), body),
    });
  });
});

it.each([
  ['120', 120_000],
  ['0', 0],
  ['-5', 0],
  ['1.5', 1500],
  ['Tue, 14 Nov 2023 22:14:20 GMT', 60_000],
  ['Tue, 14 Nov 2023 22:00:00 GMT', 0],
  ['soon', null],
  ['', null],
  [undefined, null],
])('Retry-After %s waits %s ms', (value, expected) => {
  expect(retryAfterMs(value, 1_700_000_000_000)).toBe(expected);
});

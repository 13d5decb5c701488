/** Webhooks as OpenAI signs them, by the official package. */

import { Webhook } from 'standardwebhooks';

export const webhookSecret = `whsec_${Buffer.from('the secret of the tests, 32 bytes').toString('base64')}`;

let made = 0;

export interface SignedWebhook {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function signedWebhook(
  event: unknown,
  options: { readonly id?: string; readonly secret?: string; readonly atMs?: number } = {},
): SignedWebhook {
  const id = options.id ?? `wh_${(made += 1)}`;
  const at = new Date(options.atMs ?? Date.now());
  const body = typeof event === 'string' ? event : JSON.stringify(event);
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(options.secret ?? webhookSecret).sign(id, at, body),
    },
  };
}

export function anEvent(providerRunId: string, type = 'response.completed') {
  return { object: 'event', id: `evt_${providerRunId}`, type, created_at: 1, data: { id: providerRunId } };
}

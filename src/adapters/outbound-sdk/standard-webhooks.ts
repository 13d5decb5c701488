import { createHmac } from 'node:crypto';

/** https://www.standardwebhooks.com: what the other side needs to know that a message is ours, and fresh. */
export interface WebhookHeaders {
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
}

export interface WebhookMessage {
  /** The same for every try, so that the receiver can tell a second one. May not contain a dot. */
  readonly id: string;
  /** Of this try: receivers refuse what is older than some minutes. */
  readonly atMs: number;
  readonly body: string;
}

/** The key in a secret such as `whsec_<base64>`. */
export function webhookKey(secret: string): Buffer {
  return Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
}

/** Signed with every key: while secrets rotate, receivers know one of them. */
export function signWebhook(keys: readonly Buffer[], { id, atMs, body }: WebhookMessage): WebhookHeaders {
  const timestamp = Math.floor(atMs / 1000).toString();
  const sign = (key: Buffer): string =>
    `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': keys.map((key) => sign(key)).join(' '),
  };
}

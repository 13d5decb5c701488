/** Standard Webhooks, the receiving side: https://www.standardwebhooks.com */

import { createHmac, timingSafeEqual } from 'node:crypto';
import type { WebhookMessage, WebhookVerdict, WebhookVerifier } from '../../ports/webhooks.ts';

export interface WebhookSecret {
  /** `whsec_` and base64. */
  readonly secret: string;
  /** Whose runs its webhooks are about. */
  readonly account: string;
}

/** As the specification has it, to both sides. */
const toleranceSeconds = 300;
const longestId = 256;
/** Two while the sender rotates; more are somebody's try to keep us busy. */
const mostSignatures = 16;

/** Accepts what any of the secrets signed: during a rotation both are in use. */
export class StandardWebhookVerifier implements WebhookVerifier {
  private readonly secrets: readonly { readonly key: Buffer; readonly account: string }[];

  constructor(secrets: readonly WebhookSecret[]) {
    this.secrets = secrets.map(({ secret, account }) => ({
      key: Buffer.from(secret.replace(/^whsec_/, ''), 'base64'),
      account,
    }));
  }

  verify({ id, timestamp, signature, body }: WebhookMessage, nowMs: number): WebhookVerdict {
    if (!id || !timestamp || !signature)
      return refused('The headers webhook-id, webhook-timestamp and webhook-signature are needed.');
    if (id.length > longestId) return refused('The webhook-id is too long.');
    if (!/^\d{1,12}$/.test(timestamp)) return refused('The webhook-timestamp is not in Unix seconds.');
    const ageSeconds = nowMs / 1000 - Number(timestamp);
    if (ageSeconds > toleranceSeconds)
      return refused('The webhook-timestamp is more than 5 minutes old: a replay, or a clock that is wrong.');
    if (ageSeconds < -toleranceSeconds)
      return refused('The webhook-timestamp is more than 5 minutes ahead: a clock is wrong.');
    const given = signaturesIn(signature);
    const signers = this.secrets.filter(({ key }) => {
      const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
      return given.some((one) => one.length === expected.length && timingSafeEqual(one, expected));
    });
    if (signers.length === 0)
      return refused('No signature matches: the secret is wrong, or the body was changed on its way.');
    return { genuine: true, accounts: [...new Set(signers.map(({ account }) => account))] };
  }
}

/** `v1,<base64>`, separated by spaces; other versions are passed over. */
function signaturesIn(header: string): Buffer[] {
  return header
    .split(' ')
    .slice(0, mostSignatures)
    .flatMap((part) => (part.startsWith('v1,') ? [Buffer.from(part.slice(3), 'base64')] : []));
}

function refused(reason: string): WebhookVerdict {
  return { genuine: false, reason };
}

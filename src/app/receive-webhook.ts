/** Takes an inbound webhook: verified, then handed to its run. No call is made here. */

import { WebhookRefusedError } from '../domain/errors.ts';
import { readWebhook, type WebhookType } from '../domain/webhook.ts';
import type { Clock } from '../ports/clock.ts';
import type {
  TakenWebhook,
  WebhookFate,
  WebhookInbox,
  WebhookMessage,
  WebhookVerifier,
} from '../ports/webhooks.ts';

/** What is counted: the fates, and those that never got so far. `unavailable`: Redis was away, the sender retries. */
export type WebhookResult = WebhookFate | 'refused' | 'unavailable';

export interface ReceiveWebhookDeps {
  /** Null: no secret is set, and nothing can be told from a forgery. */
  readonly verifier: WebhookVerifier | null;
  readonly inbox: WebhookInbox;
  readonly clock: Clock;
  /** Counts. Never fails, never waits. `type`: `other` until the webhook is verified. */
  readonly note: (type: WebhookType, result: WebhookResult, reason?: string) => void;
}

/** Resolves once the run will be looked at. Throws `WebhookRefusedError`, and what the inbox throws. */
export async function receiveWebhook(deps: ReceiveWebhookDeps, message: WebhookMessage): Promise<void> {
  const refuse = (reason: string): WebhookRefusedError => {
    deps.note('other', 'refused', reason);
    return new WebhookRefusedError(reason);
  };
  if (deps.verifier === null)
    throw refuse('No secret is set here: set OPENAI_WEBHOOK_SECRET to the one of your webhook.');
  const verdict = deps.verifier.verify(message, deps.clock.nowMs());
  if (!verdict.genuine) throw refuse(verdict.reason);
  const event = readWebhook(parse(message.body));
  if (event === null) throw refuse('The body is not an event that can be read.');
  const { type, notice } = event;
  if (notice === null) return deps.note(type, 'ignored');
  const webhook = { ...notice, webhookId: message.id ?? '' };
  try {
    deps.note(type, await take(deps.inbox, verdict.accounts, webhook));
  } catch (error) {
    deps.note(type, 'unavailable');
    throw error;
  }
}

/** Accounts that share a secret share their webhooks: each is that one's which knows the id. */
async function take(
  inbox: WebhookInbox,
  accounts: readonly string[],
  webhook: Omit<TakenWebhook, 'account'>,
): Promise<WebhookFate> {
  let fate: WebhookFate = 'unknown';
  for (const account of accounts) {
    const taken = await inbox.take({ ...webhook, account });
    if (taken !== 'unknown' && taken !== 'early') return taken;
    if (taken === 'early') fate = taken;
  }
  return fate;
}

/** Undefined for what is not JSON in UTF-8. */
function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

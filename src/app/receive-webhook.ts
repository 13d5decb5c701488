/** Takes an inbound webhook: verified, then handed to its run. No call is made here. */

import { WebhookRefusedError } from '../domain/errors.ts';
import { readWebhook, type WebhookType } from '../domain/webhook.ts';
import type { Clock } from '../ports/clock.ts';
import type { WebhookFate, WebhookInbox, WebhookMessage, WebhookVerifier } from '../ports/webhooks.ts';

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
  const { account } = verdict;
  try {
    deps.note(type, await deps.inbox.take({ ...notice, account, webhookId: message.id ?? '' }));
  } catch (error) {
    deps.note(type, 'unavailable');
    throw error;
  }
}

/** Undefined for what is not JSON in UTF-8. */
function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

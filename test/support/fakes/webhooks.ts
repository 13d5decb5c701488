import { StoreUnavailableError } from '../../../src/domain/errors.ts';
import type { TakenWebhook, WebhookFate, WebhookInbox } from '../../../src/ports/webhooks.ts';

/** Notes what is taken. Knows no runs: the real one has its own tests. */
export class FakeWebhookInbox implements WebhookInbox {
  /** True: every call rejects, as without Redis. */
  unavailable = false;
  readonly taken: TakenWebhook[] = [];
  private readonly seen = new Set<string>();

  async take(webhook: TakenWebhook): Promise<WebhookFate> {
    await Promise.resolve();
    if (this.unavailable) throw new StoreUnavailableError('The inbox is switched off.');
    this.taken.push(webhook);
    if (this.seen.has(webhook.webhookId)) return 'duplicate';
    this.seen.add(webhook.webhookId);
    return 'woken';
  }
}

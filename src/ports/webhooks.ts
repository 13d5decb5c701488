import type { WebhookNotice } from '../domain/webhook.ts';

/** A request as it came. `body`: the raw bytes, since the signature is over them. */
export interface WebhookMessage {
  readonly id: string | undefined;
  readonly timestamp: string | undefined;
  readonly signature: string | undefined;
  readonly body: Uint8Array;
}

export type WebhookVerdict =
  /** `accounts`: whose secret it was signed with; several where they share it. */
  | { readonly genuine: true; readonly accounts: readonly string[] }
  /** `reason`: for the sender; tells nothing of a secret. */
  | { readonly genuine: false; readonly reason: string };

/** Tells a webhook of the provider from everything else. Pure: never fails, never waits. */
export interface WebhookVerifier {
  verify(message: WebhookMessage, nowMs: number): WebhookVerdict;
}

/** A webhook that was verified. */
export interface TakenWebhook extends WebhookNotice {
  readonly webhookId: string;
  readonly account: string;
}

/**
 * What came of it:
 * - `woken`: its run is looked at now; `duplicate`: it was, for this very webhook;
 * - `early`: nobody knows the id yet, but a create is out: whoever learns the id looks at once;
 * - `ended`: its run is over, or has gone on; `ignored`: its run is followed by looks alone;
 * - `unknown`: it is no run of ours.
 */
export type WebhookFate = 'woken' | 'duplicate' | 'early' | 'ended' | 'ignored' | 'unknown';

/**
 * Brings a webhook to its run.
 *
 * Fails closed: rejects while Redis is unreachable, and the sender comes again. Taking the same webhook twice is safe.
 */
export interface WebhookInbox {
  take(webhook: TakenWebhook): Promise<WebhookFate>;
}

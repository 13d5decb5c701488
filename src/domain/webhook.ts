/** What an inbound webhook says: which run at the provider has something new, and nothing more. */

import * as z from 'zod';
import type { RunKind } from './status.ts';

/** The events that we know, and the names that they are counted by; all others are `other`. */
export const webhookTypes = [
  'response.completed',
  'response.failed',
  'response.incomplete',
  'response.cancelled',
  'response.queued',
  'response.in_progress',
  'thread.run.completed',
  'thread.run.failed',
  'thread.run.incomplete',
  'thread.run.cancelled',
  'thread.run.expired',
  'thread.run.requires_action',
  'thread.run.created',
  'thread.run.queued',
  'thread.run.in_progress',
  'thread.run.cancelling',
] as const;
export type WebhookType = (typeof webhookTypes)[number] | 'other';

/** They tell of nothing that a look could use. */
const uneventful: ReadonlySet<string> = new Set([
  'response.created',
  'response.queued',
  'response.in_progress',
  'thread.run.created',
  'thread.run.queued',
  'thread.run.in_progress',
  'thread.run.cancelling',
]);

/** A run at the provider that is worth a look. */
export interface WebhookNotice {
  readonly kind: RunKind;
  readonly providerRunId: string;
}

export interface WebhookEvent {
  readonly type: WebhookType;
  /** Null: there is nothing to be done about it. */
  readonly notice: WebhookNotice | null;
}

const eventSchema = z.looseObject({ type: z.string().min(1).max(256) });
const dataSchema = z.looseObject({
  data: z.looseObject({ id: z.string().regex(/^[\x21-\x7e]{1,200}$/) }),
});

/** Null for a body that is no event, or lacks what its type promises. */
export function readWebhook(body: unknown): WebhookEvent | null {
  const event = eventSchema.safeParse(body).data;
  if (event === undefined) return null;
  const type = webhookTypes.find((known) => known === event.type) ?? 'other';
  const kind = kindOf(event.type);
  if (kind === null || uneventful.has(event.type)) return { type, notice: null };
  const id = dataSchema.safeParse(body).data?.data.id;
  return id === undefined ? null : { type, notice: { kind, providerRunId: id } };
}

/** A `response.…` that is new to us is worth a look: it costs one call, and may save a long wait. */
function kindOf(type: string): RunKind | null {
  if (/^response\.\w+$/.test(type)) return 'responses';
  // `thread.run.step.…` is about a part of a run.
  return /^thread\.run\.\w+$/.test(type) ? 'assistants' : null;
}

import * as z from 'zod';

import { distributionSchema } from '../distribution.ts';
import type { Distribution } from '../distribution.ts';

/** Where webhooks go, and what goes wrong on their way. */
export interface WebhookOptions {
  url: string;
  /** `whsec_` and base64, as OpenAI gives it. */
  secret: string;
  /** From the event to the first try. A wide one puts them out of order. Default fixed 50 ms. */
  latencyMs?: Distribution;
  /** 0–1: events that are never sent. Default 0. */
  lossProbability?: number;
  /** 0–1: events that are sent twice, each with its own latency. Default 0. */
  duplicateProbability?: number;
  /** 0–1: events that take `lateMs` longer, so that later ones overtake them. Default 0. */
  lateProbability?: number;
  /** Default 2000. */
  lateMs?: number;
  /** 0–1: tries that are signed with another secret. Default 0. */
  wrongSignatureProbability?: number;
  /** In milliseconds since the start or the last reset: every try within fails. Default none. */
  outages?: readonly { fromMs: number; untilMs: number }[];
  /** From a try that failed (no answer in time, or not 2xx) to the next; after the last, the event is given up. */
  retryDelaysMs?: readonly number[];
  /** How long an answer may take, in milliseconds. Default 5000. */
  timeoutMs?: number;
  /** Send `thread.run.…` too, as compatible servers do; OpenAI never did. Default false. */
  threadRuns?: boolean;
}

const probability = z.number().min(0).max(1).default(0);
const ms = z.number().min(0);

/** Fills in the defaults. */
export const webhookOptionsSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  secret: z.string().regex(/^whsec_[A-Za-z0-9+/]+=*$/, 'must be whsec_ and base64'),
  latencyMs: distributionSchema.default({ type: 'fixed', ms: 50 }),
  lossProbability: probability,
  duplicateProbability: probability,
  lateProbability: probability,
  lateMs: ms.default(2000),
  wrongSignatureProbability: probability,
  outages: z.array(z.strictObject({ fromMs: ms, untilMs: ms })).default([]),
  retryDelaysMs: z.array(ms).default([5000, 30_000, 120_000, 600_000, 3_600_000]),
  timeoutMs: z.number().min(1).default(5000),
  threadRuns: z.boolean().default(false),
});

export type ResolvedWebhookOptions = z.output<typeof webhookOptionsSchema>;

import * as z from 'zod';

import { distributionSchema } from './distribution.ts';
import type { Distribution } from './distribution.ts';
import type { Faults } from './faults.ts';
import { ENDINGS } from './plan.ts';
import type { Ending } from './plan.ts';
import { webhookOptionsSchema } from './webhooks/options.ts';
import type { ResolvedWebhookOptions, WebhookOptions } from './webhooks/options.ts';

/** Everything that can be set. All of it is optional; only `host` and `port` are fixed once it listens. */
export interface SimulatorOptions {
  /** TCP port; 0 takes any free one. Default 0. */
  port?: number;
  /** Address to listen on. Default `127.0.0.1`. */
  host?: string;
  /** Seed of all randomness: equal seeds give run number n the same fate. Default 1. */
  seed?: number;
  /** Bearer tokens that are accepted. Empty (the default): any that is not empty. */
  apiKeys?: readonly string[];
  /** Bearer tokens that are known but not allowed anything: 403. Default none. */
  forbiddenApiKeys?: readonly string[];
  /** From creation, or from the tool outputs, to the next stop. Default lognormal, median 5 s, sigma 0.6. */
  durations?: Distribution;
  /** How much of that is spent `queued`. Default fixed 100 ms. */
  queueDurations?: Distribution;
  /** How runs end, by weight. Default all `completed`. */
  endings?: Readonly<Partial<Record<Ending, number>>>;
  /** Calls a minute, over a sliding window; 0 = unlimited. Default 0. */
  requestsPerMinute?: number;
  /** Tokens a minute, estimated from the size of creates; 0 = unlimited. Default 0. */
  tokensPerMinute?: number;
  /** Do GETs count against the limits? OpenAI does not say. Default true. */
  countGets?: boolean;
  /** A thread's run expires this many seconds after its creation. Default 600. */
  runExpirySeconds?: number;
  /** How long each reply takes. Default fixed 0. */
  latencyMs?: Distribution;
  /** Sends `openai-poll-after-ms` on retrieves of what is still running. Default `null`: not sent. */
  pollAfterMs?: number | null;
  /** How long a thread's run stays `cancelling`, in milliseconds. Default 100. */
  cancellingMs?: number;
  /** How long a run still reads `requires_action` after its tool outputs came, in milliseconds. Default 0. */
  submitLagMs?: number;
  /** A response with `store: false` is deleted this many seconds after it ended. Default 600. */
  unstoredKeepSeconds?: number;
  /** Characters of text in each delta of a stream; the deltas are spread evenly over the run. Default 8. */
  streamDeltaCharacters?: number;
  /** Forget runs this many seconds after they ended, to save memory; 0 (the default) keeps them. */
  forgetEndedAfterSeconds?: number;
  /** Accept any `asst_…` that was not created here. Default true. */
  acceptUnknownAssistants?: boolean;
  /** Demand `OpenAI-Beta: assistants=v2`, as OpenAI did. Default true. */
  requireAssistantsBetaHeader?: boolean;
  /** Answer 404 on every Assistants endpoint, as OpenAI does since 2026-08-26. Default false. */
  assistantsGone?: boolean;
  /** Larger request bodies get 413. Default 16 MiB. */
  maxBodyBytes?: number;
  /** Where to tell of the ends of background responses; see docs/simulator.md. Default `null`: nobody is told. */
  webhooks?: WebhookOptions | null;
  /** What goes wrong on purpose. Default nothing. */
  faults?: Partial<Faults>;
}

/** The options in force; the faults are kept apart, because they wear off. */
export type ResolvedOptions = Required<Omit<SimulatorOptions, 'faults' | 'webhooks'>> & {
  readonly webhooks: ResolvedWebhookOptions | null;
};

export const DEFAULT_OPTIONS: ResolvedOptions = {
  port: 0,
  host: '127.0.0.1',
  seed: 1,
  apiKeys: [],
  forbiddenApiKeys: [],
  durations: { type: 'lognormal', medianMs: 5000, sigma: 0.6 },
  queueDurations: { type: 'fixed', ms: 100 },
  endings: { completed: 1 },
  requestsPerMinute: 0,
  tokensPerMinute: 0,
  countGets: true,
  runExpirySeconds: 600,
  latencyMs: { type: 'fixed', ms: 0 },
  pollAfterMs: null,
  cancellingMs: 100,
  submitLagMs: 0,
  unstoredKeepSeconds: 600,
  streamDeltaCharacters: 8,
  forgetEndedAfterSeconds: 0,
  acceptUnknownAssistants: true,
  requireAssistantsBetaHeader: true,
  assistantsGone: false,
  maxBodyBytes: 16 * 1024 * 1024,
  webhooks: null,
};

const amount = z.number().min(0);

const optionsSchema = z.strictObject({
  port: z.int().min(0).max(65_535),
  host: z.string().min(1),
  seed: z.int(),
  apiKeys: z.array(z.string().min(1)),
  forbiddenApiKeys: z.array(z.string().min(1)),
  durations: distributionSchema,
  queueDurations: distributionSchema,
  endings: z.partialRecord(z.enum(ENDINGS), amount) as z.ZodType<Partial<Record<Ending, number>>>,
  requestsPerMinute: z.int().min(0),
  tokensPerMinute: z.int().min(0),
  countGets: z.boolean(),
  runExpirySeconds: amount,
  latencyMs: distributionSchema,
  pollAfterMs: amount.nullable(),
  cancellingMs: amount,
  submitLagMs: amount,
  unstoredKeepSeconds: amount,
  streamDeltaCharacters: z.int().min(1),
  forgetEndedAfterSeconds: amount,
  acceptUnknownAssistants: z.boolean(),
  requireAssistantsBetaHeader: z.boolean(),
  assistantsGone: z.boolean(),
  maxBodyBytes: z.int().positive(),
  webhooks: webhookOptionsSchema.nullable(),
}) satisfies z.ZodType<ResolvedOptions>;

/** Wrong options or faults. The message names every wrong field. */
export class SimulatorOptionsError extends Error {
  override readonly name = 'SimulatorOptionsError';
}

/** `given` laid over `base` and checked as a whole. Throws {@link SimulatorOptionsError}. */
export function mergeChecked<T extends object>(schema: z.ZodType<T>, base: T, given: object): T {
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const result = schema.safeParse({ ...base, ...defined });
  if (result.success) return result.data;
  throw new SimulatorOptionsError(z.prettifyError(result.error));
}

export function mergeOptions(
  base: ResolvedOptions,
  given: Omit<SimulatorOptions, 'faults'>,
): ResolvedOptions {
  return mergeChecked(optionsSchema, base, given);
}

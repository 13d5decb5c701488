/** Callbacks: what is POSTed to a run's `callback.url`, the jobs of the queue `callbacks`, and those that were given up. */

import * as z from 'zod';
import { terminalStatuses } from '../status.ts';
import { runView } from './run-view.ts';

const callbackTypes = [
  ...terminalStatuses.map((status) => `run.${status}` as const),
  'run.requires_action',
] as const;
export type CallbackType = (typeof callbackTypes)[number];

/** Newer versions may add fields and types: receivers pass over what they do not know. */
export const callbackPayload = z.object({
  type: z.enum(callbackTypes).describe('`run.` and the status that the run has come to.'),
  timestamp: z.iso.datetime().describe('When it came to that. The same in every try.'),
  output_omitted: z
    .boolean()
    .describe('The output is too large to be sent: it is null and empty here. Read the run for it.'),
  data: runView.describe('The run, as GET /v1/runs/{id} shows it.'),
});
export type CallbackPayload = z.output<typeof callbackPayload>;

/** Neither a secret nor anything of the run: what is sent is kept beside the job. */
export const callbackJob = z.object({
  v: z.literal(1),
  run_id: z.string(),
  type: z.string(),
  url: z.url({ protocol: /^https?$/ }),
  /** Since when it has been tried, where that is not the time of the job. */
  redriven_at: z.iso.datetime().optional(),
});
export type CallbackJob = z.output<typeof callbackJob>;

/** A callback that was given up. */
export const callbackView = z.strictObject({
  id: z.string().describe('The `webhook-id` that its receiver has seen.'),
  object: z.literal('runfleet.callback'),
  status: z.literal('dead'),
  run_id: z.string(),
  type: z.string(),
  host: z.string().describe('Where it was to go; the rest of the URL may hold a token.'),
  tries: z.int().min(0),
  error: z.string().describe('What the last try came to.'),
  given_up_at: z.iso.datetime(),
});
export type CallbackView = z.output<typeof callbackView>;

export const callbackList = z.strictObject({
  object: z.literal('list'),
  data: z.array(callbackView).describe('The latest first.'),
  next_cursor: z.string().nullable().describe('Send it as `cursor` for the next page; null on the last.'),
});
export type CallbackList = z.output<typeof callbackList>;

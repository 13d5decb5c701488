/** What a producer sends: the body of `POST /v1/runs`, and, but for a few fields, the data of a job in `runs`. */

import * as z from 'zod';
import { runKinds } from '../status.ts';
import { maxToolRounds, onToolError, strayUrls, toolsInput } from './tools-input.ts';

/** One day less than what BullMQ and the providers keep anyway; approvals may take hours. */
export const maxDeadlineSeconds = 7 * 86_400;
/** BullMQ's own limit. */
export const maxPriority = 2_097_152;

const callbackInput = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .describe('Receives a signed POST when the run has ended: see docs/callbacks.md.'),
});

/** Milliseconds count here: cheaper looks than that are no looks but a stream. */
const leastPollCostSeconds = 0.001;
/** Later than this, a provider may have deleted what ended right after the last look. */
export const mostDelaySeconds = 540;

/** As they stand in `RUNFLEET_ACCOUNTS`; also of pools. */
export const accountName = /^[a-z0-9][a-z0-9-]{0,31}$/;
export const accountNameRule = 'Small letters, digits and - only, at most 32.';

const metadataInput = z
  .record(z.string().min(1).max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 64, 'At most 64 pairs.')
  .describe('Yours: kept with the run, never sent to the provider.');

export const runInputShape = {
  kind: z.enum(runKinds).default('responses').describe('Which API carries the run.'),
  request: z
    .record(z.string(), z.unknown())
    .describe(
      "The provider's own create parameters, passed through. For `responses` the body of POST /responses " +
        '(`background` and `store` are set by runfleet); for `assistants` `assistant_id` with `thread_id`, `thread` or neither.',
    ),
  account: z
    .string()
    .regex(accountName, accountNameRule)
    .nullable()
    .default(null)
    .describe(
      'The account that carries the run, or a pool of accounts: the one with most left takes it. Default: the default ' +
        'account. Name one where the request names a thread, a conversation or an earlier response: they belong to it.',
    ),
  follow: z
    .enum(['auto', 'poll', 'webhook', 'stream'])
    .default('auto')
    .describe(
      'How the end is found out. `stream`: the events of a response are read as they come (other kinds are looked at). ' +
        'Otherwise this version polls.',
    ),
  deadline_seconds: z
    .number()
    .positive()
    .max(maxDeadlineSeconds)
    .optional()
    .describe(
      'From acceptance. The provider’s run is cancelled then, and the run ends `timed_out`. Default 600.',
    ),
  priority: z.int().min(0).max(maxPriority).default(0).describe('0 goes first; larger goes later.'),
  lane: z
    .string()
    .min(1)
    .max(256)
    .nullable()
    .default(null)
    .describe('Runs of one lane go one at a time, in order. Default: the thread or conversation.'),
  label: z
    .string()
    .regex(/^[\w.:-]{1,64}$/, 'Letters, digits and . _ : - only, at most 64.')
    .nullable()
    .default(null)
    .describe('Your class of run, for learning how long it takes.'),
  poll_cost_seconds: z
    .number()
    .min(leastPollCostSeconds)
    .max(3600)
    .optional()
    .describe(
      'The seconds of delay that one look is worth: 10 saves calls, 0.1 saves time. Default RUNFLEET_POLL_COST_SECONDS.',
    ),
  max_delay_seconds: z
    .number()
    .min(0.1)
    .max(mostDelaySeconds)
    .optional()
    .describe(
      'No two looks are further apart, so the end is known so soon at the latest (but for a short quota, faults and ' +
        `what the provider asks for). Default and most: ${mostDelaySeconds}.`,
    ),
  tools: toolsInput.optional(),
  max_tool_rounds: maxToolRounds,
  on_tool_error: onToolError,
  callback: callbackInput.optional(),
  on_ambiguous: z
    .enum(['fail', 'retry'])
    .default('fail')
    .describe(
      'When the reply to a create was lost and the run cannot be found: end it, or risk a second one.',
    ),
  metadata: metadataInput.default({}),
};

export const runInput = z.strictObject(runInputShape).superRefine(({ tools }, context) => {
  for (const path of strayUrls(tools))
    context.addIssue({
      code: 'custom',
      path,
      message: 'Only mode `http` calls a url: name it, or leave the url out.',
    });
});
/** As sent: what has a default may be left out. */
export type RunInput = z.input<typeof runInput>;
export type ParsedRunInput = z.output<typeof runInput>;

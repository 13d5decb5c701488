/** A run as callers see it: over HTTP, in callbacks, and as the result of its job. */

import * as z from 'zod';
import { lookReasons, mostLookNotes } from '../look-log.ts';
import { runKinds, runStatuses } from '../status.ts';
import { mostToolNotes, toolModes } from '../tools.ts';

const time = z.iso.datetime().nullable();
const count = z.int().min(0);

export const runView = z.strictObject({
  id: z.string(),
  object: z.literal('runfleet.run'),
  kind: z.enum(runKinds),
  status: z.enum(runStatuses),
  provider_run_id: z.string().nullable(),
  provider_run_ids: z
    .array(z.string())
    .describe(
      'All runs at the provider, the latest last: a response that asked for tools is followed by another.',
    ),
  thread_id: z.string().nullable(),
  account: z.string().nullable().describe('The account that carries it; null until it is chosen.'),
  output_text: z.string().nullable(),
  output: z.array(z.unknown()).describe('The provider’s own output items or messages.'),
  usage: z
    .strictObject({ input_tokens: count, output_tokens: count, total_tokens: count })
    .nullable()
    .describe('Tokens, as the provider counted them.'),
  error: z
    .strictObject({
      code: z.string(),
      message: z.string(),
      retryable: z.boolean().describe('Whether the same run, sent again, may well succeed.'),
    })
    .nullable(),
  required_action: z
    .strictObject({
      tool_calls: z.array(
        z.strictObject({
          id: z.string(),
          name: z.string(),
          arguments: z.string().describe('As the model wrote them: JSON by intent.'),
          mode: z.enum(toolModes).describe('Who answers it: `manual` is you.'),
        }),
      ),
      expires_at: z.iso
        .datetime()
        .describe('An answer that comes later is of no use: the run has ended then.'),
    })
    .nullable()
    .describe('The tool calls that the run waits for and that have no answer yet.'),
  tool_rounds: z
    .array(
      z.strictObject({
        round: count,
        calls: z.array(
          z.strictObject({
            id: z.string(),
            name: z.string(),
            result: z.string().describe('`ok`, or the code of the error that the model was told.'),
            started_at: time,
            ended_at: z.iso.datetime(),
          }),
        ),
      }),
    )
    .describe(`The latest answered tool calls (at most ${mostToolNotes}). Left out of lists.`),
  calls: z
    .strictObject({ create: count, retrieve: count, submit: count, cancel: count, list: count, total: count })
    .describe('API calls that this run has cost so far.'),
  accepted_at: z.iso.datetime(),
  created_at: time.describe('When the provider’s create was answered.'),
  completed_at: time.describe('When the provider’s run was over: its own stamp, narrowed by our looks.'),
  detected_at: time.describe('When we knew.'),
  detection_delay_ms: count.nullable(),
  found_by: z.enum(['poll', 'webhook', 'stream']).nullable(),
  next_look_at: time.describe('When the run is due to be looked at again; null once it has ended.'),
  looks: z
    .array(
      z.strictObject({
        age_ms: count.describe('How long after its create.'),
        reason: z.enum(lookReasons),
      }),
    )
    .describe(`The latest looks (at most ${mostLookNotes}), and why each was taken. Left out of lists.`),
  label: z.string().nullable(),
  lane: z.string().nullable(),
  redriven_as: z.string().nullable().describe('The first run that this one was sent again as.'),
  metadata: z.record(z.string(), z.string()),
});

export type RunView = z.output<typeof runView>;

export const runList = z.strictObject({
  object: z.literal('list'),
  data: z.array(runView).describe('Newest first. Outputs are left out here: read the run for them.'),
  next_cursor: z.string().nullable().describe('Send it as `cursor` for the next page; null on the last.'),
});
export type RunList = z.output<typeof runList>;

/** An error, after RFC 9457. */
export const problem = z.strictObject({
  type: z.string().describe('A URI reference that names the sort of problem.'),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  errors: z
    .array(
      z.strictObject({
        pointer: z.string().describe('JSON Pointer to the field, such as `/request/assistant_id`.'),
        detail: z.string(),
      }),
    )
    .optional(),
});
export type Problem = z.output<typeof problem>;

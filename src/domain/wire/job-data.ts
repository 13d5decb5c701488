/**
 * The data of a job in the queue `runs`: what any BullMQ client may add, and what the API itself adds.
 * It never changes; the run's state is kept beside it, in the job's `progress`.
 */

import * as z from 'zod';
import { runInputShape } from './run-input.ts';

const word = z.string().min(1).max(64);

const traits = z
  .strictObject({
    model: word.optional(),
    reasoning_effort: word.optional(),
    template: word.optional().describe('The assistant or the stored prompt.'),
    tools: word.optional().describe('Names of the tools that it may call.'),
  })
  .describe(
    'What the run’s duration is learnt by, beside its kind and label. Set by the API; without it, it is read off a ' +
      'request that stands in the job.',
  );

export const jobData = z
  .strictObject({
    v: z.literal(1).default(1).describe('Version of this schema.'),
    ...runInputShape,
    request: runInputShape.request.optional(),
    request_stored: z
      .literal(true)
      .optional()
      .describe(
        'Set by the API: the request is large and kept under a key of its own, so that no look reads it.',
      ),
    accepted_at: z.iso.datetime().optional().describe('Default: the time stamp of the job.'),
    traits: traits.optional(),
    owner: z
      .string()
      .nullable()
      .default(null)
      .describe('Set by the API: the name of the key that sent the run.'),
  })
  .refine((data) => data.request !== undefined || data.request_stored === true, {
    path: ['request'],
    message: 'The provider’s create parameters are missing.',
  });

export type JobDataInput = z.input<typeof jobData>;
export type JobData = z.output<typeof jobData>;

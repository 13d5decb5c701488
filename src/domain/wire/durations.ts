/** What the fleet has learnt of how long runs take, as callers see it. */

import * as z from 'zod';

const seconds = z.number().min(0);

export const durationClass = z.strictObject({
  class: z
    .string()
    .describe(
      'Kind, then model (m=), reasoning effort (e=), template and tools (t=) and label (l=), as far as they are known.',
    ),
  runs: z.int().min(0).describe('Runs that ended since the class was first seen.'),
  evidence: z
    .number()
    .min(0)
    .describe('How many runs the figures rest on, now that older ones are half forgotten.'),
  shifted: z
    .boolean()
    .describe('Whether the latest runs took so different a time that they outweigh the older ones.'),
  p10_seconds: seconds.describe('A tenth of the runs is shorter. With few runs, wider classes fill in.'),
  p50_seconds: seconds,
  p90_seconds: seconds,
  p99_seconds: seconds,
  last_seen_at: z.iso.datetime(),
  histogram: z
    .array(z.strictObject({ from_seconds: seconds, to_seconds: seconds, share: z.number().min(0).max(1) }))
    .describe('Bars of equal width on a logarithmic axis; shares of all runs.'),
});
export type DurationClass = z.output<typeof durationClass>;

export const durationList = z.strictObject({
  object: z.literal('list'),
  data: z.array(durationClass).describe('Last seen first.'),
});
export type DurationList = z.output<typeof durationList>;

/** What goes in and out over HTTP alone; runs themselves are described in `domain/wire`. */

import * as z from 'zod';
import { runKinds, runStatuses } from '../domain/status.ts';
import { problem, runView } from '../domain/wire/run-view.ts';

export const maxBulkRuns = 1000;
const maxWaitSeconds = 60;

/** Text from a query string; anything but a plain decimal number stays text, and is refused as such. */
const numeric = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess(
    (text) => (typeof text === 'string' && /^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? Number(text) : text),
    schema,
  );

export const noQuery = z.strictObject({});

export const getQuery = z.strictObject({
  wait: numeric(z.number().min(0).max(maxWaitSeconds))
    .optional()
    .describe(
      'Seconds. Answers as soon as the run has ended or asks for tools, or after this time with the run as it is.',
    ),
});

/** As people write it in a URL. */
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

export const redriveQuery = z.strictObject({
  once: flag
    .optional()
    .describe(
      '`true`: only if it was never sent again; else answers 200 with the run that it was sent again as.',
    ),
});

export const listQuery = z.strictObject({
  status: z.enum(runStatuses).optional().describe('Only runs of this status.'),
  kind: z.enum(runKinds).optional().describe('Only runs of this kind.'),
  dead: flag
    .optional()
    .describe(
      '`true`: only dead letters: runs that ended failed, expired, timed_out, lost or rejected, and were not redriven.',
    ),
  limit: numeric(z.int().min(1).max(100)).default(20).describe('At most so many runs.'),
  cursor: z.string().min(1).max(512).optional().describe('The `next_cursor` of the page before.'),
});

export const callbacksQuery = z.strictObject({
  limit: numeric(z.int().min(1).max(100)).default(20).describe('At most so many.'),
  cursor: z.string().min(1).max(600).optional().describe('The `next_cursor` of the page before.'),
});

export const callbackRedriven = z.strictObject({ id: z.string(), status: z.literal('waiting') });

export const durationsQuery = z.strictObject({
  limit: numeric(z.int().min(1).max(200)).default(50).describe('At most so many classes.'),
});

/** Each run is checked on its own, so that one that is wrong does not stop the others. */
export const bulkInput = z.strictObject({
  runs: z
    .array(z.unknown().meta({ $ref: '#/components/schemas/RunInput' }))
    .max(maxBulkRuns)
    .describe(`Up to ${maxBulkRuns} runs, each as for POST /v1/runs.`),
});

export const bulkOutput = z.strictObject({
  runs: z
    .array(z.union([z.strictObject({ run: runView }), z.strictObject({ error: problem })]))
    .describe('In the order sent: the run as accepted, or why it was refused (pointers start at that run).'),
});

export const health = z.strictObject({ status: z.literal('ok') });

export const readiness = z.strictObject({
  ok: z.boolean(),
  checks: z.record(z.string(), z.strictObject({ ok: z.boolean(), detail: z.string().optional() })),
});

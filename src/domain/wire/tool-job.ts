/**
 * The job of one tool call in the queue `tools`: what a tool worker in any language is given, and what it may return.
 * Newer versions may add fields: readers pass over what they do not know.
 */

import * as z from 'zod';

export const toolJobData = z.object({
  v: z.literal(1).default(1).describe('Version of this schema.'),
  run_id: z.string().min(1),
  round: z.int().min(1).describe('Which time in this run that the model asks for tools, from 1.'),
  tool_call_id: z
    .string()
    .min(1)
    .describe('The provider’s id of the call: the idempotency key of whatever the tool does.'),
  name: z.string().describe('The tool; also the name of the job. Empty where the model named none.'),
  arguments: z
    .string()
    .describe('As the model wrote them: JSON by intent, but it may be broken or break the tool’s schema.'),
  deadline_at: z.iso
    .datetime()
    .nullable()
    .default(null)
    .describe('An answer that comes later is of no use to the run; null: no end is known.'),
  label: z.string().nullable().default(null).describe('The run’s label.'),
  metadata: z.record(z.string(), z.string()).default({}).describe('The run’s metadata.'),
});
export type ToolJobData = z.output<typeof toolJobData>;
export type ToolJobDataInput = z.input<typeof toolJobData>;

const toolFailure = z.strictObject({
  code: z
    .string()
    .describe(
      'Such as `invalid_arguments`, `unknown_tool`, `tool_failed`, `tool_timeout`, `output_too_large`.',
    ),
  message: z.string().describe('Short, without a stack. It is what the model is told.'),
});

/** What became of a tool call: the text for the model, or why there is none. */
export const toolAnswer = z.union([
  z.strictObject({ output: z.string().describe('For the model.') }),
  z.strictObject({ error: toolFailure }),
]);
export type ToolAnswer = z.output<typeof toolAnswer>;

/** Set by runfleet's own workers, which keep a long answer beside the job: no event of the queue then carries it. */
export const keptResult = z.strictObject({ kept: z.literal(true) });

/**
 * The answer in the result of a job. A worker that knows nothing of these forms may return anything: a text is the
 * output as it is, any other value its JSON text.
 */
export function toolAnswerOf(result: unknown): ToolAnswer {
  const parsed = toolAnswer.safeParse(result);
  if (parsed.success) return parsed.data;
  return { output: typeof result === 'string' ? result : (JSON.stringify(result) ?? 'null') };
}

/** The body of `POST /v1/runs/{id}/tool-outputs`. */

import * as z from 'zod';

/** More calls than any model makes at once. */
const mostOutputs = 128;

export const toolOutputsInput = z.strictObject({
  tool_outputs: z
    .array(
      z.strictObject({
        tool_call_id: z.string().min(1).max(256).describe('An `id` of `required_action.tool_calls`.'),
        output: z.string().describe('For the model; often JSON.'),
      }),
    )
    .min(1)
    .max(mostOutputs)
    .describe('Some of the answers, or all. The first answer to a call stands.'),
});
export type ToolOutputsInput = z.input<typeof toolOutputsInput>;

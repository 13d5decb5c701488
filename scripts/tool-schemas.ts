/** The JSON schemas of the queue `tools`, for workers in any language. */

import * as z from 'zod';
import { keptResult, toolAnswer, toolJobData, type ToolJobDataInput } from '../src/domain/wire/tool-job.ts';

export const toolJobExamples: readonly ToolJobDataInput[] = [
  {
    v: 1,
    run_id: '01990a3e-6f3b-7c51-9a52-3f0c1a6c7d21',
    round: 1,
    tool_call_id: 'call_9zKx',
    name: 'get_weather',
    arguments: '{"city":"Bergen"}',
    deadline_at: '2026-11-20T09:40:00.000Z',
    label: 'nightly-summaries',
    metadata: { customer: '42' },
  },
];

export const toolResultExamples: readonly unknown[] = [
  { output: '{"celsius":7,"sky":"rain"}' },
  { error: { code: 'invalid_arguments', message: 'city: expected a text' } },
  '7 degrees, rain',
  { celsius: 7, sky: 'rain' },
];

const dialect = { io: 'input', target: 'draft-2020-12' } as const;

export function toolJobSchema(): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(toolJobData, dialect);
  return {
    $schema,
    title: 'Job data of the queue "tools"',
    description:
      'One tool call. Any BullMQ client may serve the queue `tools` under the prefix `{runfleet}` (RUNFLEET_PREFIX): ' +
      'take a job, do what it asks, and complete it with a result after tool-result.schema.json. ' +
      'A job that fails is an error `tool_failed` with the reason as its message. See docs/tools.md.',
    examples: toolJobExamples,
    ...rest,
  };
}

export function toolResultSchema(): Record<string, unknown> {
  const { $schema, anyOf: answers = [] } = z.toJSONSchema(toolAnswer, dialect);
  const { $schema: _, ...kept } = z.toJSONSchema(keptResult, dialect);
  return {
    $schema,
    title: 'Result of a job in the queue "tools"',
    description:
      'What a tool worker may return. The first two forms say all that can be said; the last two are for workers that ' +
      'know nothing of them.',
    examples: toolResultExamples,
    anyOf: [
      ...answers,
      {
        ...kept,
        description: 'Of workers that keep it beside the job (docs/tools.md, “Once, in another language”).',
      },
      { type: 'string', description: 'The output as it is.' },
      { description: 'Any other value: the output is its JSON text.' },
    ],
  };
}

import * as z from 'zod';
import type { RunOutput } from '../../domain/snapshot.ts';
import { shallow } from '../openai-sdk/lenient.ts';

const messageSchema = z.looseObject({
  role: z.string(),
  run_id: z.string().nullish(),
  content: z.array(z.unknown()).transform(shallow),
});

export const messagesSchema = z.looseObject({ data: z.array(messageSchema) });

const textPart = z.looseObject({ type: z.literal('text'), text: z.looseObject({ value: z.string() }) });

/** The assistant's messages of this run. Some servers ignore the `run_id` filter, so it is applied here as well. */
export function outputOf(messages: readonly z.output<typeof messageSchema>[], runId: string): RunOutput {
  const ours = messages.filter(({ role, run_id }) => role === 'assistant' && (run_id ?? runId) === runId);
  const texts = ours.flatMap(({ content }) =>
    content.flatMap((part) => textPart.safeParse(part).data?.text.value ?? []),
  );
  return { text: texts.length > 0 ? texts.join('\n') : null, items: ours };
}

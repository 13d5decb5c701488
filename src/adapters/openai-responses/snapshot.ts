import * as z from 'zod';
import type { EndedSnapshot, ProviderSnapshot, RunOutput, ToolCall, Usage } from '../../domain/snapshot.ts';
import type { Answer } from '../openai-sdk/call.ts';
import {
  callArguments,
  code,
  count,
  message,
  providerId,
  shallow,
  stampMs,
  status,
} from '../openai-sdk/lenient.ts';

/** The parts of a response that we read; the rest passes. https://platform.openai.com/docs/api-reference/responses */
export const responseSchema = z.looseObject({
  id: providerId,
  status,
  created_at: stampMs,
  completed_at: stampMs,
  error: z.looseObject({ code, message }).nullish().catch(null),
  incomplete_details: z.looseObject({ reason: code }).nullish().catch(null),
  output: z
    .array(z.unknown())
    .nullish()
    .catch(null)
    .transform((items) => shallow(items ?? [])),
  metadata: z
    .looseObject({ runfleet_id: z.string().nullish().catch(null) })
    .nullish()
    .catch(null),
  usage: z
    .looseObject({ input_tokens: count, output_tokens: count, total_tokens: count })
    .nullish()
    .catch(null),
});
type ResponseAnswer = z.output<typeof responseSchema>;

export function snapshotOf({ data, pollAfterMs }: Answer<ResponseAnswer>): ProviderSnapshot {
  const base = {
    providerRunId: data.id,
    threadId: null,
    createdAtMs: data.created_at,
    expiresAtMs: null,
    pollAfterMs,
    usage: usageOf(data),
    runId: data.metadata?.runfleet_id ?? null,
  };
  switch (data.status) {
    case 'queued':
    case 'in_progress':
      return { ...base, phase: 'running', status: data.status, rawStatus: data.status, toolCalls: [] };
    case 'completed':
    case 'failed':
    case 'incomplete':
    case 'cancelled':
      return {
        ...base,
        phase: 'ended',
        status: data.status,
        endedAtMs: data.completed_at,
        error: errorOf(data),
        output: outputOf(data.output),
        ...(data.status === 'completed' ? callsOf(data.output) : {}),
      };
    default:
      return { ...base, phase: 'running', status: 'unknown', rawStatus: data.status, toolCalls: [] };
  }
}

function errorOf(data: ResponseAnswer): EndedSnapshot['error'] {
  if (data.error)
    return { code: data.error.code ?? 'unknown_error', message: data.error.message ?? 'No message.' };
  const reason = data.incomplete_details?.reason;
  return reason ? { code: reason, message: `The response is incomplete: ${reason}.` } : null;
}

const functionCall = z.looseObject({
  type: z.literal('function_call'),
  call_id: z.string().min(1),
  name: z.string(),
  arguments: callArguments,
});

/**
 * Calls of other sorts, which runfleet has no answer to. The API takes no part of the answers, so beside one of these
 * the functions are left to whoever reads the output. A hosted tool brings its own output along.
 */
const otherCall = z.looseObject({
  type: z.enum([
    'custom_tool_call',
    'mcp_approval_request',
    'computer_call',
    'local_shell_call',
    'shell_call',
    'apply_patch_call',
  ]),
  call_id: z.string().nullish(),
});
const otherOutput = z.looseObject({ type: z.string().endsWith('_call_output'), call_id: z.string() });

function hasOtherCalls(items: readonly unknown[]): boolean {
  const answered = new Set(items.map((item) => otherOutput.safeParse(item).data?.call_id));
  return items.some((item) => {
    const call = otherCall.safeParse(item).data;
    return call !== undefined && !(call.call_id && answered.has(call.call_id));
  });
}

function callsOf(items: readonly unknown[]): Pick<EndedSnapshot, 'toolCalls'> {
  if (hasOtherCalls(items)) return {};
  const toolCalls = items.flatMap((item): ToolCall[] => {
    const call = functionCall.safeParse(item).data;
    return call === undefined ? [] : [{ id: call.call_id, name: call.name, arguments: call.arguments }];
  });
  return toolCalls.length === 0 ? {} : { toolCalls };
}

const textPart = z.looseObject({ type: z.literal('output_text'), text: z.string() });
const messageItem = z.looseObject({ type: z.literal('message'), content: z.array(z.unknown()) });

/** As the SDK's `output_text`: all text parts of all messages, joined. */
function outputOf(items: readonly unknown[]): RunOutput {
  const parts = items.flatMap((item) => messageItem.safeParse(item).data?.content ?? []);
  const texts = parts.flatMap((part) => textPart.safeParse(part).data?.text ?? []);
  return { text: texts.length > 0 ? texts.join('') : null, items };
}

function usageOf({ usage }: ResponseAnswer): Usage | null {
  return usage
    ? { inputTokens: usage.input_tokens, outputTokens: usage.output_tokens, totalTokens: usage.total_tokens }
    : null;
}

import * as z from 'zod';
import type { EndedSnapshot, ProviderSnapshot, ToolCall, Usage } from '../../domain/snapshot.ts';
import type { Answer } from '../openai-sdk/call.ts';
import { callArguments, code, count, message, providerId, stampMs, status } from '../openai-sdk/lenient.ts';

const toolCallSchema = z.looseObject({
  id: z.string(),
  function: z.looseObject({ name: z.string(), arguments: callArguments }),
});

/** The parts of an assistants run that we read; the rest passes. */
export const runSchema = z.looseObject({
  id: providerId,
  thread_id: providerId,
  status,
  created_at: stampMs,
  expires_at: stampMs,
  completed_at: stampMs,
  failed_at: stampMs,
  cancelled_at: stampMs,
  metadata: z.record(z.string(), z.unknown()).nullish().catch(null),
  last_error: z.looseObject({ code, message }).nullish().catch(null),
  incomplete_details: z.looseObject({ reason: code }).nullish().catch(null),
  required_action: z
    .looseObject({ submit_tool_outputs: z.looseObject({ tool_calls: z.array(toolCallSchema) }).nullish() })
    .nullish()
    .catch(null),
  usage: z
    .looseObject({ prompt_tokens: count, completion_tokens: count, total_tokens: count })
    .nullish()
    .catch(null),
});
type RunAnswer = z.output<typeof runSchema>;

export function snapshotOf({ data, pollAfterMs }: Answer<RunAnswer>): ProviderSnapshot {
  const base = {
    providerRunId: data.id,
    threadId: data.thread_id,
    createdAtMs: data.created_at,
    expiresAtMs: data.expires_at,
    pollAfterMs,
    usage: usageOf(data),
    runId: runIdOf(data),
  };
  const running = { ...base, phase: 'running', rawStatus: data.status } as const;
  switch (data.status) {
    case 'queued':
    case 'in_progress':
    case 'cancelling':
      return { ...running, status: data.status, toolCalls: [] };
    case 'requires_action':
      return { ...running, status: data.status, toolCalls: toolCallsOf(data) };
    case 'completed':
    case 'incomplete':
      // What it wrote is in the thread's messages.
      return {
        ...base,
        phase: 'ended',
        status: data.status,
        endedAtMs: endOf(data),
        error: errorOf(data),
        output: 'separate',
      };
    case 'failed':
    case 'cancelled':
    case 'expired':
      return {
        ...base,
        phase: 'ended',
        status: data.status,
        endedAtMs: endOf(data),
        error: errorOf(data),
        output: null,
      };
    default:
      return { ...running, status: 'unknown', toolCalls: [] };
  }
}

function runIdOf({ metadata }: RunAnswer): string | null {
  const runId = metadata?.['runfleet_id'];
  return typeof runId === 'string' ? runId : null;
}

function endOf(data: RunAnswer): number | null {
  return data.completed_at ?? data.failed_at ?? data.cancelled_at;
}

function errorOf(data: RunAnswer): EndedSnapshot['error'] {
  const error = data.last_error;
  if (error) return { code: error.code ?? 'unknown_error', message: error.message ?? 'No message.' };
  const reason = data.incomplete_details?.reason;
  return reason ? { code: reason, message: `The run is incomplete: ${reason}.` } : null;
}

function toolCallsOf(data: RunAnswer): ToolCall[] {
  const calls = data.required_action?.submit_tool_outputs?.tool_calls ?? [];
  return calls.map((call) => ({ id: call.id, name: call.function.name, arguments: call.function.arguments }));
}

function usageOf({ usage }: RunAnswer): Usage | null {
  return usage
    ? {
        inputTokens: usage.prompt_tokens,
        outputTokens: usage.completion_tokens,
        totalTokens: usage.total_tokens,
      }
    : null;
}

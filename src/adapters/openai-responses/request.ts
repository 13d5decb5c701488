import * as z from 'zod';
import { traitsOfSeen } from '../../domain/polling/class-key.ts';
import type { RunTraits } from '../../domain/run.ts';
import type { ToolOutput, ToolOutputLimits } from '../../domain/tools.ts';
import type { ProviderRequest, RequestProblem } from '../../ports/run-provider.ts';
import { metadataProblems } from '../openai-sdk/metadata.ts';
import { fieldOf, toolNamesOf } from '../openai-sdk/traits.ts';

/** One `function_call_output` may have 10 MiB; far less fills any model's context, and says that the tool went wrong. */
export const toolOutputLimits: ToolOutputLimits = { eachBytes: 1024 * 1024, totalBytes: 8 * 1024 * 1024 };

/** Only what would certainly fail, or break the way that runfleet follows a run. */
export function validateRequest(request: ProviderRequest): readonly RequestProblem[] {
  const problems: RequestProblem[] = [...metadataProblems(request['metadata'])];
  if (request['stream'] !== undefined && request['stream'] !== false && request['stream'] !== null) {
    problems.push({
      path: ['stream'],
      message: 'Set by runfleet: send "follow": "stream" beside the request.',
    });
  }
  if (request['model'] !== undefined && typeof request['model'] !== 'string') {
    problems.push({ path: ['model'], message: 'Must be a string.' });
  }
  if (request['model'] === undefined && request['prompt'] === undefined) {
    problems.push({ path: ['model'], message: 'A response needs a model, or a prompt that names one.' });
  }
  return problems;
}

/** One conversation takes one response at a time (400 `conversation_locked` otherwise). */
export function laneOf(request: ProviderRequest): string | null {
  const conversation = request['conversation'];
  if (typeof conversation === 'string') return conversation;
  if (typeof conversation !== 'object' || conversation === null || !('id' in conversation)) return null;
  return typeof conversation.id === 'string' ? conversation.id : null;
}

/** Model, effort, stored prompt and tools: what the duration of a response hangs on. */
export function traitsOf(request: ProviderRequest): RunTraits {
  return traitsOfSeen({
    model: request['model'],
    reasoningEffort: fieldOf(request['reasoning'], 'effort'),
    template: fieldOf(request['prompt'], 'id'),
    toolNames: toolNamesOf(request['tools']),
  });
}

/** The API has no list of responses. */
export function canFind(): boolean {
  return false;
}
/**
 * The create that takes the answers of a response's calls. Instructions, tools and all settings are not carried over by
 * the API and are sent again; the input is not, since it is known by then.
 */
export function followUp(
  request: ProviderRequest,
  responseId: string,
  outputs: readonly ToolOutput[],
): Record<string, unknown> {
  const { input: _input, previous_response_id: _previous, tool_choice: choice, ...settings } = request;
  const input = outputs.map(({ toolCallId, output }) => ({
    type: 'function_call_output',
    call_id: toolCallId,
    output,
  }));
  // A conversation knows its last response, and takes no other word for it.
  const link = (request['conversation'] ?? null) === null ? { previous_response_id: responseId } : {};
  return { ...settings, ...freeChoice(choice), ...link, input };
}

/** A choice that forces a call would force one in every round, for ever. */
function freeChoice(choice: unknown): { readonly tool_choice?: unknown } {
  if (choice === 'auto' || choice === 'none') return { tool_choice: choice };
  if (typeof choice !== 'object' || choice === null || fieldOf(choice, 'type') !== 'allowed_tools') return {};
  return { tool_choice: { ...choice, mode: 'auto' } };
}

/** What is sent: the caller's request, and what runfleet needs to follow the response. */
export function createBody(request: ProviderRequest, runId: string) {
  return {
    ...request,
    background: true as const,
    // Without it the answer may be deleted minutes after the end, and a late look would lose a paid run.
    store: true,
    metadata: { ...metadataOf(request), runfleet_id: runId },
  };
}

function metadataOf(request: ProviderRequest): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).safeParse(request['metadata']).data ?? {};
}

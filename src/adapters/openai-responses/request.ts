import { traitsOfSeen } from '../../domain/polling/class-key.ts';
import type { RunTraits } from '../../domain/run.ts';
import type { ProviderRequest, RequestProblem } from '../../ports/run-provider.ts';
import { metadataProblems } from '../openai-sdk/metadata.ts';
import { fieldOf, toolNamesOf } from '../openai-sdk/traits.ts';

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

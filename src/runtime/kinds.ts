import { AssistantsProvider } from '../adapters/openai-assistants/index.ts';
import * as assistants from '../adapters/openai-assistants/request.ts';
import { ResponsesProvider } from '../adapters/openai-responses/index.ts';
import * as responses from '../adapters/openai-responses/request.ts';
import { createOpenAiClient } from '../adapters/openai-sdk/client.ts';
import type { AccountConfig } from '../config/index.ts';
import type { RunKind } from '../domain/status.ts';
import type { RequestRules, RunProvider } from '../ports/run-provider.ts';

/** What the API needs of each kind: no credential, no calls. */
export const requestRules: Record<RunKind, RequestRules> = {
  responses: {
    validate: responses.validateRequest,
    laneOf: responses.laneOf,
    traitsOf: responses.traitsOf,
    canFind: responses.canFind,
    toolOutputLimits: responses.toolOutputLimits,
  },
  assistants: {
    validate: assistants.validateRequest,
    laneOf: assistants.laneOf,
    traitsOf: assistants.traitsOf,
    canFind: assistants.canFind,
    toolOutputLimits: assistants.toolOutputLimits,
  },
};

/** The providers of all kinds, on one account. */
export function createProviders(
  account: Pick<AccountConfig, 'apiKey' | 'baseUrl'>,
  onAnswer: (status: number | null, headers: Headers | null) => void,
): Record<RunKind, RunProvider> {
  const { apiKey, baseUrl } = account;
  const client = createOpenAiClient({ apiKey, onAnswer, ...(baseUrl === null ? {} : { baseUrl }) });
  return {
    responses: new ResponsesProvider(client),
    assistants: new AssistantsProvider(client),
  };
}

import type { ProviderRequest } from '../ports/run-provider.ts';

/** English text: about four characters a token. https://platform.openai.com/tokenizer */
const charactersPerToken = 4;

/**
 * Tokens to reserve for a create: its input by size, and the largest output it asks for. Settled by the real usage.
 * What the provider adds by itself (instructions of an assistant, earlier turns) is not in sight here.
 */
export function estimateTokens(request: ProviderRequest): number {
  const input = Math.ceil(JSON.stringify(request).length / charactersPerToken);
  const most = request['max_output_tokens'] ?? request['max_completion_tokens'];
  return input + (typeof most === 'number' && Number.isFinite(most) && most > 0 ? Math.ceil(most) : 0);
}

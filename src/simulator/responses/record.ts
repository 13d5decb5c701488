import type OpenAI from 'openai';

import type { Fate } from '../controls.ts';
import type { Tracked } from '../ledger.ts';
import type { Params } from '../params.ts';
import type { Random } from '../random.ts';

export type ResponseBody = Omit<OpenAI.Responses.Response, 'output_text'> & { store: boolean };

/** What is kept of a response. Its status is computed from `plan` whenever somebody looks. */
export interface ResponseRecord extends Tracked {
  readonly kind: 'responses';
  readonly fate: Fate;
  /** The chain's randomness, handed on from response to response. */
  readonly random: Random;
  readonly background: boolean;
  readonly store: boolean;
  /** Created with `stream: true`: only then can its events be read again. */
  readonly streamed: boolean;
  readonly conversationId: string | null;
  readonly metadata: Record<string, string>;
  /** The create's body as it was sent; the answer echoes much of it. */
  readonly request: Params;
  readonly tools: OpenAI.Responses.Tool[];
  readonly inputTokens: number;
}

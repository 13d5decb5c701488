import type OpenAI from 'openai';

import type { Fate } from '../controls.ts';
import type { Tracked } from '../ledger.ts';
import type { Params } from '../params.ts';
import type { Random } from '../random.ts';

export type AssistantBody = OpenAI.Beta.Assistant;
type ThreadBody = OpenAI.Beta.Thread;
export type MessageBody = OpenAI.Beta.Threads.Message;
export type RunBody = OpenAI.Beta.Threads.Run;
export type RunStepBody = OpenAI.Beta.Threads.Runs.RunStep;
export type ToolCall = OpenAI.Beta.Threads.RequiredActionFunctionToolCall;

export type AssistantRecord = AssistantBody;

export interface ThreadRecord {
  readonly id: string;
  readonly body: ThreadBody;
  /** In order of creation. */
  readonly messages: MessageBody[];
  /** In order of creation; only the last one can be active. */
  readonly runs: RunRecord[];
}

/** One stop for tools that is over. */
interface AnsweredRound {
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
  readonly outputs: ReadonlyMap<string, string>;
}

export interface RunRecord extends Tracked {
  readonly kind: 'assistants';
  readonly fate: Fate;
  readonly random: Random;
  readonly thread: ThreadRecord;
  readonly assistantId: string;
  readonly metadata: Record<string, string>;
  /** The create's body as it was sent; the answer echoes much of it. */
  readonly request: Params;
  readonly model: string;
  readonly instructions: string;
  readonly tools: OpenAI.Beta.AssistantTool[];
  readonly rounds: AnsweredRound[];
  readonly promptTokens: number;
  /** The answer has been added to the thread. */
  answered: boolean;
}

import type { Kept, ToolAnswers, ToolReturn } from '../ports/tool-calls.ts';
import type { RunStore } from '../ports/run-store.ts';

export interface AnswerToolDeps {
  readonly answers: ToolAnswers;
  readonly store: Pick<RunStore, 'wake'>;
}

/**
 * Keeps the answer to a tool call, and wakes its run when that has something to do. May be told twice: a process that
 * died in between is made up for by the second telling, or by the run's own look at its answers.
 */
export async function answerTool(deps: AnswerToolDeps, answer: ToolReturn): Promise<Kept> {
  const kept = await deps.answers.keep(answer);
  const matters = kept === 'complete' || kept === 'known' || (kept === 'kept' && 'error' in answer.answer);
  if (matters) await deps.store.wake(answer.runId, 'tools');
  return kept;
}

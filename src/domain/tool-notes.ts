/** The record of what was answered. */

import type { RunState } from './run.ts';
import type { ToolCall } from './snapshot.ts';
import { mostToolNotes, noToolProgress, type TimedAnswer, type ToolNote } from './tools.ts';

type CallName = Pick<ToolCall, 'id' | 'name'>;

/** Of the present round, in the order of its calls. */
export function notesOf(
  { tools = noToolProgress }: RunState,
  calls: readonly CallName[],
  answers: ReadonlyMap<string, TimedAnswer>,
): readonly ToolNote[] {
  return calls.flatMap(({ id, name }): ToolNote[] => {
    const found = answers.get(id);
    if (found === undefined) return [];
    const result = 'error' in found.answer ? found.answer.error.code.slice(0, 64) : 'ok';
    return [[tools.round, id, name.slice(0, 64), result, found.startedAtMs, found.endedAtMs]];
  });
}

/** With all that is known of the present round. */
export function noted<S extends RunState>(state: S, notes: readonly ToolNote[]): S {
  const { tools = noToolProgress } = state;
  const before = tools.notes.filter(([round]) => round !== tools.round);
  return { ...state, tools: { ...tools, notes: [...before, ...notes].slice(-mostToolNotes) } };
}

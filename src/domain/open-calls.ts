/** Which tool calls of a run may still be with those who answer them. */

import { isAsking } from './decide-tools.ts';
import type { RunState } from './run.ts';

/** A call of the present round. */
type OpenCall = { readonly id: string; readonly name: string };

/** Also those whose answers are on their way to the provider: a worker that died then has not taken the calls back. */
function openCalls(state: RunState): readonly OpenCall[] {
  if (isAsking(state)) return state.toolCalls;
  if (state.phase === 'creating') return state.continues?.toolCalls ?? [];
  const submitted = state.tools?.submitted;
  if (state.phase !== 'following' || submitted?.fate !== 'unknown') return [];
  const { round, notes = [] } = state.tools ?? {};
  return notes.flatMap(([of, id, name]) =>
    of === round && submitted.callIds.includes(id) ? [{ id, name }] : [],
  );
}

/** The calls that nobody waits for any more, once a run goes from one state to another. */
export function leftCalls(before: RunState, after: RunState): readonly OpenCall[] {
  const goOn = openCalls(after).length > 0 && before.tools?.round === after.tools?.round;
  return goOn ? [] : openCalls(before);
}

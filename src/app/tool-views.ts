/** What callers see of a run's tools. */

import type { RunSpec, RunState } from '../domain/run.ts';
import { routeOf } from '../domain/tools.ts';
import type { RunView } from '../domain/wire/run-view.ts';
import type { RunRecord } from '../ports/run-store.ts';

/** The calls that have no answer yet; null when the run waits for none. */
export function requiredAction({ spec, state, unanswered, outcome }: RunRecord): RunView['required_action'] {
  if (state.phase !== 'following' || state.status !== 'requires_action') return null;
  const calls = unanswered ?? state.toolCalls;
  if (calls.length === 0 || state.cancel !== null || outcome !== null) return null;
  const tool_calls = calls.map(({ id, name, arguments: args }) => {
    return { id, name, arguments: args, mode: routeOf(spec.tools, name).mode };
  });
  return { tool_calls, expires_at: new Date(answerBeforeMs(spec, state.expiresAtMs)).toISOString() };
}

function answerBeforeMs({ deadlineAtMs }: RunSpec, expiresAtMs: number | null): number {
  return Math.min(deadlineAtMs, expiresAtMs ?? Infinity);
}

/** Whether it is its caller who must answer: nobody else will. */
export function asksItsCaller(record: RunRecord): boolean {
  const { state } = record;
  // It waits for something that we know no answer to.
  if (state.phase === 'following' && state.asking === undefined)
    return state.cancel === null && state.status === 'requires_action';
  const calls = requiredAction(record)?.tool_calls ?? [];
  return calls.some(({ mode }) => mode === 'manual');
}

export function toolRounds({ tools }: RunState): RunView['tool_rounds'] {
  const rounds = Map.groupBy(tools?.notes ?? [], ([round]) => round);
  return [...rounds].map(([round, notes]) => ({
    round,
    calls: notes.map(([, id, name, result, startedAtMs, endedAtMs]) => ({
      id,
      name,
      result,
      started_at: startedAtMs === null ? null : new Date(startedAtMs).toISOString(),
      ended_at: new Date(endedAtMs).toISOString(),
    })),
  }));
}

/** All runs at the provider that this one has been, the present one last. */
export function providerRunIds(state: RunState): string[] {
  const present = 'providerRunId' in state ? state.providerRunId : null;
  const between = state.phase === 'creating' ? (state.continues?.providerRunId ?? null) : null;
  return [...(state.tools?.formerRunIds ?? []), present ?? between].filter((id) => id !== null);
}

import type { SubmitDeps } from '../../app/submit.ts';
import { viewOf } from '../../app/view.ts';
import { initialState } from '../../domain/run.ts';
import { runInput } from '../../domain/wire/run-input.ts';
import type { RunView } from '../../domain/wire/run-view.ts';
import { specOf } from '../../domain/wire/spec.ts';
import type { RunRecord } from '../../ports/run-store.ts';

/**
 * The run as it was accepted a moment ago, without asking Redis for it: once a run is written the answer must be
 * 202, for a caller who reads "failed" sends it again.
 */
export function acceptedView(
  deps: SubmitDeps,
  run: { readonly id: string; readonly body: unknown; readonly nowMs: number; readonly owner: string | null },
): RunView {
  const input = runInput.parse(run.body);
  const data = {
    ...input,
    v: 1,
    lane: input.lane ?? deps.kinds[input.kind].laneOf(input.request),
    accepted_at: new Date(run.nowMs).toISOString(),
    owner: run.owner,
  } as const;
  const spec = specOf(run.id, data, {
    queuedAtMs: run.nowMs,
    defaultDeadlineSeconds: deps.defaultDeadlineSeconds,
  });
  return viewOf({ spec, state: initialState(run.nowMs), outcome: null });
}

/** The same for the second life of a run. */
export function redrivenView(first: RunRecord, id: string, nowMs: number): RunView {
  const { spec } = first;
  const deadlineAtMs = nowMs + spec.deadlineAtMs - spec.acceptedAtMs;
  return viewOf({
    spec: { ...spec, id, acceptedAtMs: nowMs, deadlineAtMs },
    state: initialState(nowMs),
    outcome: null,
  });
}

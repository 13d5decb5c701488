import { type RunOutcome, type RunSpec, type RunState, statusOf, totalCalls } from '../domain/run.ts';
import type { RunView } from '../domain/wire/run-view.ts';
import type { RunRecord } from '../ports/run-store.ts';
import { providerRunIds, requiredAction, toolRounds } from './tool-views.ts';

/** The run as callers see it. `brief` leaves the output out, for lists. */
export function viewOf(record: RunRecord, detail: 'full' | 'brief' = 'full'): RunView {
  const { spec, state, outcome } = record;
  return {
    id: spec.id,
    object: 'runfleet.run',
    kind: spec.kind,
    status: outcome?.status ?? statusOf(state),
    provider_run_id: providerRunIds(state).at(-1) ?? null,
    provider_run_ids: providerRunIds(state),
    thread_id: 'threadId' in state ? state.threadId : null,
    account: state.account ?? null,
    output_text: detail === 'full' ? (outcome?.output?.text ?? null) : null,
    output: detail === 'full' ? [...(outcome?.output?.items ?? [])] : [],
    usage: usageView(outcome),
    error: outcome?.error ?? null,
    required_action: requiredAction(record),
    tool_rounds: detail === 'full' ? toolRounds(state) : [],
    calls: { ...state.calls, total: totalCalls(state.calls) },
    ...times(spec, state, outcome),
    found_by: outcome?.foundBy ?? null,
    looks: detail === 'full' ? looksOf(state) : [],
    label: spec.label,
    lane: spec.lane,
    redriven_as: record.redrivenAs ?? null,
    metadata: { ...spec.metadata },
  };
}

/** Above this many characters an output stays out of the job's result: it is written once, beside it. */
const resultOutputLimit = 16_384;

/** The result of the run's job, for producers that speak BullMQ alone. A large output must be read over HTTP. */
export function jobResultOf(record: RunRecord): RunView {
  const full = viewOf(record);
  return JSON.stringify(full.output).length <= resultOutputLimit ? full : viewOf(record, 'brief');
}

function usageView(outcome: RunOutcome | null): RunView['usage'] {
  const usage = outcome?.usage ?? null;
  return usage === null
    ? null
    : { input_tokens: usage.inputTokens, output_tokens: usage.outputTokens, total_tokens: usage.totalTokens };
}

function looksOf(state: RunState): RunView['looks'] {
  const log = 'lookLog' in state ? (state.lookLog ?? []) : [];
  return log.map(([ageMs, reason]) => ({ age_ms: ageMs, reason }));
}

type Times = Pick<
  RunView,
  'accepted_at' | 'created_at' | 'completed_at' | 'detected_at' | 'detection_delay_ms' | 'next_look_at'
>;

function times(spec: RunSpec, state: RunState, outcome: RunOutcome | null): Times {
  return {
    accepted_at: iso(spec.acceptedAtMs),
    created_at: 'startedAtMs' in state ? isoOrNull(state.startedAtMs) : null,
    completed_at: isoOrNull(outcome?.completedAtMs ?? null),
    detected_at: isoOrNull(outcome?.detectedAtMs ?? null),
    detection_delay_ms: outcome?.detectionDelayMs ?? null,
    next_look_at: outcome === null ? iso(nextLookAtMs(state)) : null,
  };
}

/** Its job may be due earlier, only to ask whether the look should be earlier too. */
function nextLookAtMs(state: RunState): number {
  return state.phase === 'following' ? (state.lookAtMs ?? state.wakeAtMs) : state.wakeAtMs;
}

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

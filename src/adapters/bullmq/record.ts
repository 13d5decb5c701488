/** How a run is laid out in the fields of its job's hash. */

import { initialState, type RunOutcome, type RunSpec, type RunState } from '../../domain/run.ts';
import type { RunOutput } from '../../domain/snapshot.ts';
import { type JobData, jobData } from '../../domain/wire/job-data.ts';
import { specOf } from '../../domain/wire/spec.ts';
import type { RunRecord } from '../../ports/run-store.ts';

/** The fields that make up a record, in the order in which they are read. The output is last: lists go without it. */
export const recordFields = [
  'data',
  'progress',
  'timestamp',
  'finishedOn',
  'failedReason',
  'outcome',
  'redrivenAs',
  'output',
] as const;
type Fields = readonly (string | null)[];

/** The job's data, or null where it does not fit the schema (a foreign producer's mistake). */
export function parseJobData(data: unknown): JobData | null {
  return jobData.safeParse(data).data ?? null;
}

/** State as BullMQ holds it: 0 until the first step. */
export function stateOf(progress: unknown, wakeAtMs: number): RunState {
  return isState(progress) ? progress : initialState(wakeAtMs);
}

// Written by us alone, under the job's lock: its version is check enough.
function isState(value: unknown): value is RunState {
  return typeof value === 'object' && value !== null && 'v' in value && value.v === 1 && 'phase' in value;
}

/** A state that a newer version wrote, and this one cannot read. To start such a run afresh would create it again. */
export function isForeignState(progress: unknown): boolean {
  const isRun = typeof progress === 'object' && progress !== null && 'v' in progress && 'phase' in progress;
  return isRun && !isState(progress);
}

export function recordOf(id: string, fields: Fields, defaultDeadlineSeconds: number): RunRecord | null {
  const [dataText, progressText, timestamp, finishedOn, failedReason, outcomeText, redrivenAs, outputText] =
    fields;
  if (typeof dataText !== 'string') return null;
  const queuedAtMs = Number(timestamp ?? 0);
  const data = parseJobData(JSON.parse(dataText));
  if (data === null) return unfit(id, queuedAtMs, Number(finishedOn ?? queuedAtMs), failedReason ?? null);
  const spec = specOf(id, data, { queuedAtMs, defaultDeadlineSeconds });
  const state = stateOf(JSON.parse(progressText ?? '0'), spec.acceptedAtMs);
  return {
    spec,
    state,
    outcome: outcomeOf(outcomeText, outputText),
    ...(typeof redrivenAs === 'string' ? { redrivenAs } : {}),
  };
}

export function outcomeOf(
  outcomeText: string | null | undefined,
  outputText: string | null | undefined,
): RunOutcome | null {
  if (typeof outcomeText !== 'string') return null;
  const outcome: Omit<RunOutcome, 'output'> = JSON.parse(outcomeText);
  const output: RunOutput | null = typeof outputText === 'string' ? JSON.parse(outputText) : null;
  return { ...outcome, output };
}

/** A job that was never a run: its data does not fit. Shown as rejected, so that its sender can find out. */
function unfit(id: string, queuedAtMs: number, endedAtMs: number, failedReason: string | null): RunRecord {
  const spec: RunSpec = specOf(id, jobData.parse({ request: {} }), { queuedAtMs, defaultDeadlineSeconds: 0 });
  const message = failedReason ?? 'The data of this job does not fit its schema.';
  const state: RunState = {
    ...initialState(queuedAtMs),
    phase: 'ended',
    status: 'rejected',
    providerRunId: null,
    threadId: null,
    startedAtMs: null,
  };
  return {
    spec,
    state,
    outcome: {
      status: 'rejected',
      error: { code: 'invalid_job', message, retryable: false },
      output: null,
      usage: null,
      completedAtMs: null,
      detectedAtMs: endedAtMs,
      detectionDelayMs: null,
      foundBy: null,
    },
  };
}

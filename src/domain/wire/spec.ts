import type { RunSpec } from '../run.ts';
import type { JobData } from './job-data.ts';

/** What a run was asked to be, from its job. `queuedAtMs`: the job's own time stamp. */
export function specOf(
  id: string,
  data: JobData,
  options: { readonly queuedAtMs: number; readonly defaultDeadlineSeconds: number },
): RunSpec {
  const acceptedAtMs = data.accepted_at === undefined ? options.queuedAtMs : Date.parse(data.accepted_at);
  return {
    id,
    kind: data.kind,
    follow: data.follow,
    acceptedAtMs,
    deadlineAtMs: acceptedAtMs + (data.deadline_seconds ?? options.defaultDeadlineSeconds) * 1000,
    label: data.label,
    lane: data.lane,
    onAmbiguous: data.on_ambiguous,
    metadata: data.metadata,
    owner: data.owner,
  };
}

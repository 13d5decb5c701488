import type { RunSpec, RunTraits } from '../run.ts';
import type { JobData } from './job-data.ts';
import { toolRulesOf } from './tools-input.ts';

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
    callbackUrl: data.callback?.url ?? null,
    owner: data.owner,
    // Absent in jobs of older versions.
    account: data.account ?? null,
    traits: data.traits === undefined ? null : traitsOf(data.traits),
    pollCostMs: data.poll_cost_seconds === undefined ? null : data.poll_cost_seconds * 1000,
    maxDelayMs: data.max_delay_seconds === undefined ? null : data.max_delay_seconds * 1000,
    tools: toolRulesOf(data),
    priority: data.priority,
  };
}

function traitsOf({ model, reasoning_effort, template, tools }: NonNullable<JobData['traits']>): RunTraits {
  return {
    ...(model === undefined ? {} : { model }),
    ...(reasoning_effort === undefined ? {} : { reasoningEffort: reasoning_effort }),
    ...(template === undefined ? {} : { template }),
    ...(tools === undefined ? {} : { tools }),
  };
}

/** The same, as they stand in the job. */
export function traitsData({
  model,
  reasoningEffort,
  template,
  tools,
}: RunTraits): NonNullable<JobData['traits']> {
  return {
    ...(model === undefined ? {} : { model }),
    ...(reasoningEffort === undefined ? {} : { reasoning_effort: reasoningEffort }),
    ...(template === undefined ? {} : { template }),
    ...(tools === undefined ? {} : { tools }),
  };
}

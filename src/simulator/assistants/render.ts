import type OpenAI from 'openai';

import { isTerminal, phaseAt, wholeSeconds } from '../plan.ts';
import type { Phase } from '../plan.ts';
import { errorMessage } from '../responses/render.ts';
import { sampleOf } from '../sample.ts';
import { derivedId } from '../text.ts';
import { unchecked } from '../unchecked.ts';
import { answerId } from './answer.ts';
import type { RunBody, RunRecord, RunStepBody, ToolCall } from './records.ts';

/** A run can be told to ask for tools without naming any: the assistant may have been made elsewhere. */
const UNNAMED_TOOL = 'simulated_tool';

/** The tool calls of one stop; `round` counts from 0. */
export function toolCalls(run: RunRecord, round: number): ToolCall[] {
  const tools = run.tools.filter((tool) => tool.type === 'function');
  const { controls } = run.fate;
  const count = controls.toolCalls ?? 1;
  return Array.from({ length: count }, (_, i) => {
    const tool = tools[i % Math.max(1, tools.length)]?.function;
    return {
      id: derivedId('call', run.id, round * 0x100 + i),
      type: 'function',
      function: {
        name: tool?.name ?? UNNAMED_TOOL,
        arguments: controls.toolArguments ?? JSON.stringify(sampleOf(tool?.parameters) ?? {}),
      },
    } satisfies ToolCall;
  });
}

/** The round that the run waits for, or has just been given the outputs of. */
function currentRound(run: RunRecord, nowMs: number): number {
  return nowMs < run.plan.lagEndsAtMs ? run.rounds.length - 1 : run.rounds.length;
}

/** `sim_status` may name a status that the API does not know: that is its purpose. */
function shownStatus(run: RunRecord, phase: Phase): RunBody['status'] {
  const override = run.fate.controls.status;
  if (phase === 'in_progress' && override !== null) return unchecked<RunBody['status']>(override);
  return unchecked<RunBody['status']>(phase);
}

type LastErrorCode = OpenAI.Beta.Threads.Run.LastError['code'];

function lastError(run: RunRecord, phase: Phase): RunBody['last_error'] {
  if (phase !== 'failed') return null;
  const code = run.fate.controls.errorCode ?? 'server_error';
  return { code: unchecked<LastErrorCode>(code), message: errorMessage(code) };
}

type IncompleteReason = NonNullable<OpenAI.Beta.Threads.Run.IncompleteDetails['reason']>;

function incompleteDetails(run: RunRecord, phase: Phase): RunBody['incomplete_details'] {
  if (phase !== 'incomplete') return null;
  return { reason: unchecked<IncompleteReason>(run.fate.controls.errorCode ?? 'max_completion_tokens') };
}

function requiredAction(run: RunRecord, phase: Phase, nowMs: number): RunBody['required_action'] {
  if (phase !== 'requires_action') return null;
  return {
    type: 'submit_tool_outputs',
    submit_tool_outputs: { tool_calls: toolCalls(run, currentRound(run, nowMs)) },
  };
}

function usage(run: RunRecord, phase: Phase): RunBody['usage'] {
  if (!isTerminal(phase)) return null;
  const completionTokens = phase === 'completed' || phase === 'incomplete' ? 20 + 10 * run.rounds.length : 0;
  return {
    prompt_tokens: run.promptTokens,
    completion_tokens: completionTokens,
    total_tokens: run.promptTokens + completionTokens,
  };
}

/** What the answer repeats of the request, with the API's defaults. */
function echo(run: RunRecord) {
  const sent = unchecked<Partial<OpenAI.Beta.Threads.RunCreateParams>>(run.request);
  return {
    max_completion_tokens: sent.max_completion_tokens ?? null,
    max_prompt_tokens: sent.max_prompt_tokens ?? null,
    parallel_tool_calls: sent.parallel_tool_calls ?? true,
    response_format: sent.response_format ?? 'auto',
    temperature: sent.temperature ?? 1,
    tool_choice: sent.tool_choice ?? 'auto',
    top_p: sent.top_p ?? 1,
    truncation_strategy: sent.truncation_strategy ?? { type: 'auto', last_messages: null },
  } satisfies Partial<RunBody>;
}

/** The run as it looks at `nowMs`. */
export function renderRun(run: RunRecord, nowMs: number): RunBody {
  const { plan } = run;
  const { phase, sinceMs } = phaseAt(plan, nowMs);
  const since = wholeSeconds(sinceMs);
  const started = plan.startedAtMs <= Math.min(nowMs, plan.cancelAskedAtMs) && nowMs > plan.createdAtMs;
  return {
    id: run.id,
    object: 'thread.run',
    created_at: wholeSeconds(plan.createdAtMs),
    thread_id: run.thread.id,
    assistant_id: run.assistantId,
    status: shownStatus(run, phase),
    started_at: started ? wholeSeconds(plan.startedAtMs) : null,
    expires_at: isTerminal(phase) && phase !== 'expired' ? null : wholeSeconds(plan.expiresAtMs),
    cancelled_at: phase === 'cancelled' ? since : null,
    failed_at: phase === 'failed' ? since : null,
    completed_at: phase === 'completed' ? since : null,
    required_action: requiredAction(run, phase, nowMs),
    last_error: lastError(run, phase),
    incomplete_details: incompleteDetails(run, phase),
    usage: usage(run, phase),
    model: run.model,
    instructions: run.instructions,
    tools: run.tools,
    metadata: run.metadata,
    ...echo(run),
  } satisfies RunBody;
}

/** The run's steps so far: one for every stop for tools, and the one that wrote the answer. */
export function renderSteps(run: RunRecord, nowMs: number): RunStepBody[] {
  const { phase, sinceMs } = phaseAt(run.plan, nowMs);
  const steps = run.rounds.map((round, i) =>
    step(run, i, {
      created_at: wholeSeconds(round.askedAtMs),
      completed_at: wholeSeconds(round.answeredAtMs),
      status: 'completed',
      type: 'tool_calls',
      step_details: toolCallDetails(toolCalls(run, i), round.outputs),
    }),
  );
  if (phase === 'requires_action' && nowMs >= run.plan.lagEndsAtMs) {
    const asked = toolCallDetails(toolCalls(run, steps.length), new Map());
    steps.push(
      step(run, steps.length, {
        created_at: wholeSeconds(sinceMs),
        completed_at: null,
        status: 'in_progress',
        type: 'tool_calls',
        step_details: asked,
      }),
    );
  }
  if (phase === 'completed' || phase === 'incomplete') {
    steps.push(
      step(run, steps.length, {
        created_at: wholeSeconds(sinceMs),
        completed_at: wholeSeconds(sinceMs),
        status: 'completed',
        type: 'message_creation',
        step_details: {
          type: 'message_creation',
          message_creation: { message_id: answerId(run) },
        },
      }),
    );
  }
  return steps;
}

function toolCallDetails(
  calls: readonly ToolCall[],
  outputs: ReadonlyMap<string, string>,
): OpenAI.Beta.Threads.Runs.ToolCallsStepDetails {
  return {
    type: 'tool_calls',
    tool_calls: calls.map(({ id, function: { name, arguments: args } }) => ({
      id,
      type: 'function',
      function: { name, arguments: args, output: outputs.get(id) ?? null },
    })),
  };
}

function step(
  run: RunRecord,
  index: number,
  given: Pick<RunStepBody, 'created_at' | 'completed_at' | 'status' | 'type' | 'step_details'>,
): RunStepBody {
  const done = given.status === 'completed';
  return {
    id: derivedId('step', run.id, index),
    object: 'thread.run.step',
    assistant_id: run.assistantId,
    thread_id: run.thread.id,
    run_id: run.id,
    cancelled_at: null,
    expired_at: null,
    failed_at: null,
    last_error: null,
    metadata: {},
    usage: done
      ? { prompt_tokens: run.promptTokens, completion_tokens: 10, total_tokens: run.promptTokens + 10 }
      : null,
    ...given,
  } satisfies RunStepBody;
}

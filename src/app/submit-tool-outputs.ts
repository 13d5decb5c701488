import { isAsking } from '../domain/decide-tools.ts';
import {
  type FieldError,
  InvalidInputError,
  RunNotFoundError,
  ToolsNotAwaitedError,
} from '../domain/errors.ts';
import { bytesOf } from '../domain/tool-outputs.ts';
import type { RunKind } from '../domain/status.ts';
import { toolOutputsInput } from '../domain/wire/tool-outputs.ts';
import type { Clock } from '../ports/clock.ts';
import type { RequestRules } from '../ports/run-provider.ts';
import type { RunRecord, RunStore } from '../ports/run-store.ts';
import type { ToolAnswers } from '../ports/tool-calls.ts';
import { answerTool } from './answer-tool.ts';
import { parseInput } from './submit.ts';

export interface ToolOutputsDeps {
  readonly store: RunStore;
  readonly answers: ToolAnswers;
  readonly clock: Clock;
  readonly kinds: Readonly<Record<RunKind, Pick<RequestRules, 'toolOutputLimits'>>>;
}

/**
 * Keeps the caller's answers to tool calls; the run goes on once it has all. Sent again, they change nothing. Throws
 * `RunNotFoundError`, `ToolsNotAwaitedError`, or `InvalidInputError`, also for a call that nobody made.
 */
export async function submitToolOutputs(
  deps: ToolOutputsDeps,
  runId: string,
  body: unknown,
): Promise<RunRecord> {
  const { tool_outputs: outputs } = parseInput(toolOutputsInput, body);
  const record = await existing(deps.store, runId);
  const { state } = record;
  const asked = new Set(isAsking(state) ? state.toolCalls.map(({ id }) => id) : []);
  if (outputs.every(({ tool_call_id: id }) => !asked.has(id) && wasAnswered(record, id))) return record;
  if (record.outcome !== null || !isAsking(state) || state.cancel !== null)
    throw new ToolsNotAwaitedError(runId);
  const { eachBytes } = deps.kinds[record.spec.kind].toolOutputLimits;
  const problems = outputs.flatMap(({ tool_call_id: id, output }, at): FieldError[] => {
    const path = ['tool_outputs', at];
    if (!asked.has(id) && !wasAnswered(record, id))
      return [{ path: [...path, 'tool_call_id'], message: 'The run has made no such call.' }];
    if (bytesOf(output) > eachBytes)
      return [
        {
          path: [...path, 'output'],
          message: `At most ${eachBytes} bytes of UTF-8: the provider takes no more.`,
        },
      ];
    return [];
  });
  if (problems.length > 0) throw new InvalidInputError(problems);
  const endedAtMs = deps.clock.nowMs();
  const round = state.tools?.round ?? 0;
  for (const { tool_call_id: toolCallId, output } of outputs) {
    if (!asked.has(toolCallId)) continue;
    const common = { runId, round, startedAtMs: state.asking.sinceMs, endedAtMs };
    await answerTool(deps, { ...common, toolCallId, answer: { output } });
  }
  return await existing(deps.store, runId);
}

/** In this round or an earlier one: whoever repeats a request whose reply was lost has done no wrong. */
function wasAnswered({ state }: RunRecord, toolCallId: string): boolean {
  return (state.tools?.notes ?? []).some(([, id]) => id === toolCallId);
}

async function existing(store: RunStore, runId: string): Promise<RunRecord> {
  const record = await store.get(runId);
  if (record === null) throw new RunNotFoundError(runId);
  return record;
}

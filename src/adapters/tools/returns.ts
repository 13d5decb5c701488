import { Buffer } from 'node:buffer';
import * as z from 'zod';
import type { TimedAnswer, ToolAnswer } from '../../domain/tools.ts';
import { toolAnswer, toolAnswerOf, toolJobData } from '../../domain/wire/tool-job.ts';
import type { ToolReturn } from '../../ports/tool-calls.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { failure } from './call-tool.ts';

/** What the job's hash says of its call. */
export interface CallResult {
  readonly withdrawn: boolean;
  /** Null while there is no answer. */
  readonly answer: ToolReturn | null;
}

const timedAnswer = z.object({
  answer: toolAnswer,
  startedAtMs: z.number().nullable(),
  endedAtMs: z.number(),
});

/** The answer as our own workers write it beside the job. */
export function parseAnswer(text: string): TimedAnswer {
  return timedAnswer.parse(JSON.parse(text));
}

/** Null for a job that is gone, or that is none of a tool call. */
export async function readResult(
  client: RedisClient,
  jobKey: string,
  maxOutputBytes: number,
): Promise<CallResult | null> {
  const [data, withdrawn, answer, finishedOn, returned, failedReason, processedOn] = await client.hmget(
    jobKey,
    'data',
    'withdrawn',
    'answer',
    'finishedOn',
    'returnvalue',
    'failedReason',
    'processedOn',
  );
  const parsed = toolJobData.safeParse(jsonOf(data ?? null));
  if (!parsed.success) return null;
  const ref = {
    runId: parsed.data.run_id,
    round: parsed.data.round,
    toolCallId: parsed.data.tool_call_id,
  };
  const said = (timed: TimedAnswer | null): CallResult => ({
    withdrawn: typeof withdrawn === 'string',
    answer: timed === null ? null : { ...ref, ...timed },
  });
  if (typeof answer === 'string') return said(parseAnswer(answer));
  if (typeof finishedOn !== 'string') return said(null);
  return said({
    answer: foreignAnswer(returned ?? null, failedReason ?? null, maxOutputBytes),
    startedAtMs: typeof processedOn === 'string' ? Number(processedOn) : null,
    endedAtMs: Number(finishedOn),
  });
}

/** Of a worker that knows BullMQ alone. */
function foreignAnswer(
  returned: string | null,
  failedReason: string | null,
  maxOutputBytes: number,
): ToolAnswer {
  if (returned === null) return failure('tool_failed', failedReason ?? 'The tool failed.');
  const bytes = Buffer.byteLength(returned);
  if (bytes > maxOutputBytes)
    return failure(
      'output_too_large',
      `The tool’s output has ${bytes} bytes; ${maxOutputBytes} are allowed.`,
    );
  return toolAnswerOf(jsonOf(returned) ?? returned);
}

function jsonOf(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What the provider is told of a round's answers. */

import type { ToolCall } from './snapshot.ts';
import { errorOutput, type TimedAnswer, type ToolOutput, type ToolOutputLimits } from './tools.ts';

/** Answers that the provider would refuse for their size become errors. The largest go first. */
export function fitAnswers(
  answers: ReadonlyMap<string, TimedAnswer>,
  limits: ToolOutputLimits,
): ReadonlyMap<string, TimedAnswer> {
  const sizes = [...answers].map(([id, { answer }]) => ({
    id,
    bytes: 'output' in answer ? bytesOf(answer.output) : 0,
  }));
  let total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  const fitting = new Map(answers);
  for (const { id, bytes } of sizes.toSorted((a, b) => b.bytes - a.bytes)) {
    if (bytes <= limits.eachBytes && total <= limits.totalBytes) break;
    total -= bytes;
    const found = answers.get(id);
    if (found !== undefined) fitting.set(id, { ...found, answer: { error: tooLarge(bytes, limits) } });
  }
  return fitting;
}

function tooLarge(
  bytes: number,
  { eachBytes, totalBytes }: ToolOutputLimits,
): { code: string; message: string } {
  const message =
    `The output has ${bytes} bytes; at most ${eachBytes} are taken, and ${totalBytes} for all calls of one turn. ` +
    'Ask for less.';
  return { code: 'output_too_large', message };
}

/** One output for every call, in the order of the calls. Throws where an answer is missing. */
export function outputsOf(
  calls: readonly ToolCall[],
  answers: ReadonlyMap<string, TimedAnswer>,
): readonly ToolOutput[] {
  return calls.map(({ id }) => {
    const answer = answers.get(id)?.answer;
    if (answer === undefined) throw new Error(`The tool call ${id} has no answer.`);
    return { toolCallId: id, output: 'output' in answer ? answer.output : errorOutput(answer.error) };
  });
}

export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

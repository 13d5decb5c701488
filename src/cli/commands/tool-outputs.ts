/** `tool-outputs`: answers what a run in mode `manual` asks for. */

import type { ToolOutput } from '../../client/index.ts';
import type { FleetOptions } from '../context.ts';
import { exitCodes, UserError } from '../io.ts';
import { examples, showRun, withFleet } from './command.ts';
import type { Registration } from './command.ts';

export function registerToolOutputs({ program, context, finish }: Registration): void {
  const command = program
    .command('tool-outputs <id> <outputs...>')
    .description('answer tool calls of a run: <call id>=<output>, one or several');
  examples(withFleet(command), [
    `runfleet tool-outputs run_0190a7 'call_1={"celsius":21}'`,
    'runfleet tool-outputs run_0190a7 call_1=approved call_2=denied',
  ]).action(async (id: string, outputs: readonly string[]) => {
    const options = command.optsWithGlobals<FleetOptions>();
    const client = context.client(options);
    const parsed = outputs.map(outputOf);
    const run = await client.runs.submitToolOutputs(id, parsed, { signal: context.stopped() });
    showRun(context, run, options);
    finish(exitCodes.ok);
  });
}

function outputOf(text: string): ToolOutput {
  const at = text.indexOf('=');
  if (at < 1) throw new UserError(`"${text}" is no answer: write <call id>=<output>.`);
  return { tool_call_id: text.slice(0, at), output: text.slice(at + 1) };
}

/** What the commands share. */

import type { Command } from 'commander';
import type { Context, FleetOptions } from '../context.ts';
import { defaultUrl } from '../context.ts';
import { exitCodes } from '../io.ts';
import { hasEnded } from '../../client/index.ts';
import type { EndedRun, RunfleetClient, RunView } from '../../client/index.ts';
import { describeRun, duration } from '../format.ts';
import { printable } from '../output.ts';

/** A command's action gives the exit code back through this. */
export type Finish = (exitCode: number) => void;

export interface Registration {
  readonly program: Command;
  readonly context: Context;
  readonly finish: Finish;
}

export function withFleet(command: Command): Command {
  return command
    .option('--url <url>', `the fleet's API; default RUNFLEET_URL, else ${defaultUrl}`)
    .option('--api-key <key>', 'default RUNFLEET_API_KEY, which other users of this machine cannot see');
}

export function examples(command: Command, lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`);
}

export function showRun(context: Context, run: RunView, options: FleetOptions): void {
  if (options.json === true) context.out.json(run);
  else context.out.line(describeRun(run, context.out.paint));
}

export function exitCodeOf(run: EndedRun): number {
  return run.status === 'completed' ? exitCodes.ok : exitCodes.otherEnding;
}

/** Waits, and says on a terminal how it stands. */
export async function waitWithProgress(
  context: Context,
  client: RunfleetClient,
  id: string,
  options: { readonly timeoutSeconds?: number | undefined },
): Promise<EndedRun> {
  const { io, out } = context;
  const watched = io.isTTY.stderr;
  const startedAtMs = io.nowMs();
  let status = 'waiting';
  const tick = (): void =>
    out.progress(`${printable(id)}  ${printable(status)}  ${duration(io.nowMs() - startedAtMs)}`);
  const timer = watched ? setInterval(tick, 1000) : undefined;
  const onUpdate = (run: RunView): void => {
    status = run.status;
    if (!hasEnded(run)) tick();
  };
  try {
    // A status that is a few seconds old is what somebody who watches may see.
    return await client.runs.wait(id, {
      ...options,
      signal: context.stopped(),
      onUpdate,
      longPollSeconds: watched ? 5 : undefined,
    });
  } finally {
    clearInterval(timer);
    out.endProgress();
  }
}

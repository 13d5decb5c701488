import { Command } from 'commander';
import { registerCallbacks } from './commands/callbacks.ts';
import { registerCancel, registerRedrive } from './commands/change.ts';
import type { Finish } from './commands/command.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerDurations } from './commands/durations.ts';
import { registerQuota } from './commands/quota.ts';
import { registerEnqueue } from './commands/enqueue.ts';
import { registerGet, registerList, registerWait } from './commands/follow.ts';
import { registerProcesses } from './commands/processes.ts';
import { registerToolOutputs } from './commands/tool-outputs.ts';
import { registerSimulate } from './commands/simulate.ts';
import type { Context } from './context.ts';

const people = [
  registerEnqueue,
  registerGet,
  registerWait,
  registerList,
  registerCancel,
  registerRedrive,
  registerToolOutputs,
];

/** All commands. Nothing is run, and nothing heavy is loaded, before one of them is given. */
export function buildProgram(context: Context, version: string, finish: Finish): Command {
  const { io, out } = context;
  const program = new Command('runfleet');
  program
    .description('Carries asynchronous OpenAI runs to their end with the fewest API calls.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'show help; also for one command: runfleet enqueue --help')
    .option('--json', 'for scripts: JSON lines on stdout, messages on stderr')
    .option('--debug', 'show where an error came from')
    .showSuggestionAfterError(true)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => out.line(text.trimEnd()),
      writeErr: (text) => out.message(text.trimEnd()),
      outputError: (text) => out.message(oneLine(text)),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      getOutHelpWidth: () => io.columns,
      getErrHelpWidth: () => io.columns,
    })
    .exitOverride();
  const registration = { program, context, finish };
  program.commandsGroup('Processes:');
  registerProcesses(registration);
  registerCallbacks(registration);
  program.commandsGroup('Runs:');
  for (const register of people) register(registration);
  program.commandsGroup('Help with the setup:');
  registerDurations(registration);
  registerQuota(registration);
  registerSimulate(registration);
  registerDoctor(registration);
  program.addHelpText(
    'after',
    '\nExamples:\n  runfleet enqueue --model gpt-5 --input "Why is the sky blue?" --wait\n  runfleet doctor',
  );
  return program;
}

/** `error: unknown command 'lst'\n(Did you mean list?)` → `runfleet: unknown command 'lst' (Did you mean list?)`. */
function oneLine(text: string): string {
  return text
    .trim()
    .replace(/^error:/, 'runfleet:')
    .replace(/\s*\n\s*/g, ' ');
}

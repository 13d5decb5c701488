import type { Context } from '../context.ts';
import { exitCodes, InterruptedError, UserError } from '../io.ts';
import { printable } from '../output.ts';
import { examples, exitCodeOf, showRun, waitWithProgress, withFleet } from './command.ts';
import type { Registration } from './command.ts';
import { enqueueFile } from './enqueue-file.ts';
import { requestOf, settingsOf, withRunOptions } from './run-options.ts';
import type { EnqueueOptions } from './run-options.ts';

export function registerEnqueue({ program, context, finish }: Registration): void {
  const command = program
    .command('enqueue')
    .description('hand runs to the fleet; prints the id of each')
    .addHelpText(
      'after',
      '\nWith --file, the other flags are defaults for lines that say nothing themselves.',
    );
  examples(withFleet(withRunOptions(command)), [
    'runfleet enqueue --model gpt-5 --input "Why is the sky blue?" --wait',
    'runfleet enqueue --kind assistants --request @request.json --label support',
    'echo \'{"model":"gpt-5","input":"Hello"}\' | runfleet enqueue --request -',
    'runfleet enqueue --file runs.jsonl --label nightly --json > accepted.jsonl',
  ]).action(async () => {
    const options = command.optsWithGlobals<EnqueueOptions>();
    finish(
      options.file === undefined ? await one(context, options) : await many(context, options, options.file),
    );
  });
}

async function one(context: Context, options: EnqueueOptions): Promise<number> {
  const signal = context.stopped();
  const client = context.client(options);
  const request = await requestOf(options, context.io, signal);
  const { idempotencyKey } = options;
  const run = await client.runs.create({ ...settingsOf(options), request }, { idempotencyKey, signal });
  if (options.wait !== true) {
    if (options.json === true) context.out.json(run);
    else context.out.line(printable(run.id));
    if (context.io.isTTY.stdout) context.out.message(`Follow it with: runfleet wait ${printable(run.id)}`);
    return exitCodes.ok;
  }
  try {
    const ended = await waitWithProgress(context, client, run.id, {});
    showRun(context, ended, options);
    return exitCodeOf(ended);
  } catch (error) {
    // Whatever went wrong with the waiting: the run was accepted, and its id must not be lost.
    const goesOn = error instanceof InterruptedError ? ' and goes on' : '';
    context.out.message(`Run ${run.id} was accepted${goesOn}. See it with: runfleet wait ${run.id}`);
    throw error;
  }
}

async function many(context: Context, options: EnqueueOptions, file: string): Promise<number> {
  for (const [flag, given] of [
    ['--request', options.request],
    ['--model', options.model],
    ['--input', options.input],
    ['--idempotency-key', options.idempotencyKey],
  ] as const) {
    if (given !== undefined) throw new UserError(`${flag} is for one run. Leave it out with --file.`);
  }
  return enqueueFile(context, options, file);
}

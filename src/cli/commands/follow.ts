/** `get`, `wait`, `list`: looking at runs. */

import { Option } from 'commander';
import { runKinds, runStatuses } from '../../domain/status.ts';
import type { RunKind, RunStatus } from '../../domain/status.ts';
import { RunfleetWaitTimeoutError } from '../../client/index.ts';
import type { FleetOptions } from '../context.ts';
import { tableHead, tableRow } from '../format.ts';
import type { TableOptions } from '../format.ts';
import { exitCodes, InterruptedError } from '../io.ts';
import { integer, parseSeconds } from '../parse.ts';
import { examples, exitCodeOf, showRun, waitWithProgress, withFleet } from './command.ts';
import type { Registration } from './command.ts';
import { tailRun } from './tail.ts';

export function registerGet({ program, context, finish }: Registration): void {
  const command = program.command('get <id>').description('show a run as it stands');
  examples(withFleet(command), [
    'runfleet get run_0190a7',
    'runfleet get run_0190a7 --json | jq -r .output_text',
  ]).action(async (id: string) => {
    const options = command.optsWithGlobals<FleetOptions>();
    const run = await context.client(options).runs.get(id, { signal: context.stopped() });
    showRun(context, run, options);
    finish(exitCodes.ok);
  });
}

export function registerWait({ program, context, finish }: Registration): void {
  const command = program
    .command('wait <id>')
    .description('wait for the end of a run: exits 0 when it completed, 2 when it ended otherwise')
    .option('--follow', 'print its text as it is written, and each status; with --json one event a line')
    .addOption(
      new Option('--timeout <time>', 'give up waiting after so long (exits 124; the run goes on)')
        .argParser(parseSeconds)
        .conflicts('follow'),
    );
  examples(withFleet(command), [
    'runfleet wait run_0190a7',
    'runfleet wait run_0190a7 --timeout 10m && echo done',
    'runfleet wait --follow $(runfleet enqueue --follow stream --model gpt-5 --input "Tell me of rivers.")',
  ]).action(async (id: string) => {
    const options = command.optsWithGlobals<FleetOptions & { timeout?: number; follow?: boolean }>();
    if (options.follow === true) {
      finish(await tailRun(context, context.client(options), id, options));
      return;
    }
    try {
      const run = await waitWithProgress(context, context.client(options), id, {
        timeoutSeconds: options.timeout,
      });
      showRun(context, run, options);
      finish(exitCodeOf(run));
    } catch (error) {
      if (error instanceof InterruptedError) {
        context.out.message(`Run ${id} goes on. See it with: runfleet wait ${id}`);
      }
      if (!(error instanceof RunfleetWaitTimeoutError)) throw error;
      context.out.message(`runfleet: ${error.message}`);
      if (options.json === true) context.out.json(error.run);
      finish(exitCodes.waitTimedOut);
    }
  });
}

interface ListOptions extends FleetOptions {
  readonly status?: RunStatus;
  readonly kind?: RunKind;
  readonly limit: number;
  readonly all?: boolean;
  readonly dead?: boolean;
}

/** The server's largest page. */
const pageSize = 100;

export function registerList({ program, context, finish }: Registration): void {
  const command = program
    .command('list')
    .description('list runs, newest first; with --json one run a line')
    .addOption(new Option('--status <status>', 'only runs of this status').choices(runStatuses))
    .addOption(new Option('--kind <kind>', 'only runs of this kind').choices(runKinds))
    .option(
      '--dead',
      'only those that ended without an answer (failed, expired, timed_out, lost, rejected), not yet redriven',
    )
    .option('--limit <n>', 'at most so many runs', integer(1, 1_000_000), 20)
    .option('--all', 'every run that is kept');
  examples(withFleet(command), [
    'runfleet list',
    'runfleet list --status failed --limit 100',
    'runfleet list --dead --all --json | jq -r .error.code | sort | uniq -c',
  ]).action(async () => {
    const { out } = context;
    const options = command.optsWithGlobals<ListOptions>();
    const signal = context.stopped();
    const most = options.all === true ? Infinity : options.limit;
    const query = {
      status: options.status,
      kind: options.kind,
      dead: options.dead,
      limit: Math.min(most, pageSize),
    };
    let shown = 0;
    let table: TableOptions | null = null;
    for await (const run of context.client(options).runs.all(query, { signal })) {
      signal.throwIfAborted();
      if (shown === most) break;
      shown += 1;
      if (options.json === true) {
        out.json(run);
        continue;
      }
      if (table === null) {
        table = { idWidth: run.id.length, paint: out.paint, dead: options.dead === true };
        out.line(tableHead(table));
      }
      out.line(tableRow(run, table));
    }
    if (shown === 0) out.message('No runs fit.');
    finish(exitCodes.ok);
  });
}

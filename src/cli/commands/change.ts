/** `cancel` and `redrive`: one run or several; one that fails does not stop the others. */

import { Option } from 'commander';
import { isRunfleetApiError } from '../../client/index.ts';
import type { RunfleetClient, RunKind, RunStatus, RunView } from '../../client/index.ts';

import { deadStatuses, runKinds } from '../../domain/status.ts';
import type { Context, FleetOptions } from '../context.ts';
import { exitCodes, UserError } from '../io.ts';
import { integer } from '../parse.ts';
import { examples, withFleet } from './command.ts';
import type { Registration } from './command.ts';

interface RedriveOptions extends FleetOptions, Filter {
  readonly dead?: boolean;
  readonly dryRun?: boolean;
  readonly limit: number;
}

interface Filter {
  readonly kind?: RunKind;
  readonly status?: RunStatus;
  readonly label?: string;
  readonly error?: string;
}

type Act = (id: string, signal: AbortSignal) => Promise<RunView>;
type Tell = (id: string, run: RunView) => string;

export function registerCancel({ program, context, finish }: Registration): void {
  const command = program.command('cancel <ids...>').description('cancel runs, at the provider too');
  examples(withFleet(command), [
    'runfleet cancel run_0190a7',
    'runfleet list --status queued --all --json | jq -r .id | xargs runfleet cancel',
  ]).action(async (ids: readonly string[]) => {
    const options = command.optsWithGlobals<FleetOptions>();
    const client = context.client(options);
    const cancel: Act = (id, signal) => client.runs.cancel(id, { signal });
    finish(
      await changeAll(context, ids, { ...options, act: cancel, tell: (id, run) => `${id}  ${run.status}` }),
    );
  });
}

export function registerRedrive({ program, context, finish }: Registration): void {
  const command = program
    .command('redrive [ids...]')
    .description('run ended runs again, each as a new run with the same request')
    .option(
      '--dead',
      'all dead letters that fit (see runfleet list --dead); each once, so it may be repeated',
    )
    .addOption(new Option('--kind <kind>', 'with --dead: only of this kind').choices(runKinds))
    .addOption(new Option('--status <status>', 'with --dead: only of this ending').choices(deadStatuses))
    .option('--label <label>', 'with --dead: only with this label')
    .option('--error <code>', 'with --dead: only with this error code')
    .option('--limit <n>', 'with --dead: at most so many', integer(1, 1_000_000), 1000)
    .option('--dry-run', 'with --dead: show them, and do nothing');
  examples(withFleet(command), [
    'runfleet redrive run_0190a7',
    'runfleet redrive --dead --dry-run',
    'runfleet redrive --dead --error server_error --label nightly',
  ]).action(async (ids: readonly string[]) => {
    const options = command.optsWithGlobals<RedriveOptions>();
    if (ids.length > 0 === (options.dead === true)) throw new UserError('Give the ids of runs, or --dead.');
    const client = context.client(options);
    const once = options.dead === true;
    const chosen = once ? await deadLetters(context, client, options) : ids;
    if (once) context.out.message(`${chosen.length} dead letters fit.`);
    if (options.dryRun === true) {
      for (const id of chosen) context.out.line(id);
      return finish(exitCodes.ok);
    }
    const redrive: Act = (id, signal) => client.runs.redrive(id, { signal, once });
    finish(
      await changeAll(context, chosen, {
        ...options,
        act: redrive,
        tell: (id, run) => `${id}  again as  ${run.id}`,
      }),
    );
  });
}

async function deadLetters(
  context: Context,
  client: RunfleetClient,
  options: RedriveOptions,
): Promise<string[]> {
  const { kind, status, label, error, limit } = options;
  const found: string[] = [];
  let unfit = 0;
  const signal = context.stopped();
  for await (const run of client.runs.all({ dead: true, kind, limit: 100 }, { signal })) {
    if (found.length === limit) break;
    if (status !== undefined && run.status !== status) continue;
    if (label !== undefined && run.label !== label) continue;
    if (error !== undefined && run.error?.code !== error) continue;
    if (run.error?.code === 'invalid_job') unfit += 1;
    else found.push(run.id);
  }
  if (unfit > 0)
    context.out.message(`${unfit} left out: jobs whose data never fitted the schema. Send them as new runs.`);
  // The oldest first, as they were sent.
  return found.toReversed();
}

async function changeAll(
  context: Context,
  ids: readonly string[],
  { act, tell, json }: FleetOptions & { readonly act: Act; readonly tell: Tell },
): Promise<number> {
  const signal = context.stopped();
  let failed = 0;
  for (const id of ids) {
    try {
      const run = await act(id, signal);
      if (json === true) context.out.json({ id, run });
      else context.out.line(tell(id, run));
    } catch (error) {
      // A wrong key or a dead server would fail for all of them alike.
      if (!isRunfleetApiError(error) || ![400, 404, 409].includes(error.status)) throw error;
      failed += 1;
      context.out.message(`${id}: ${error.message}`);
      if (json === true) context.out.json({ id, error: error.problem });
    }
  }
  return failed === 0 ? exitCodes.ok : exitCodes.failed;
}

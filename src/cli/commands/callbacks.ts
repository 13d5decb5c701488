/** `callbacks`: the process that sends them; and those that were given up, to look at and to send again. */

import { isRunfleetApiError } from '../../client/index.ts';
import type { Callback, RunfleetClient } from '../../client/index.ts';
import type { FleetOptions } from '../context.ts';
import { exitCodes } from '../io.ts';
import { type Paint, printable } from '../output.ts';
import { integer } from '../parse.ts';
import { examples, type Registration, withFleet } from './command.ts';

/** The server's largest page. */
const pageSize = 100;

type ListOptions = FleetOptions & { readonly limit: number; readonly all?: boolean };

export function registerCallbacks(registration: Registration): void {
  const { program, context, finish } = registration;
  const command = program
    .command('callbacks')
    .description(
      'send callbacks; start as many of these as you like. Also: callbacks list, callbacks redrive',
    );
  examples(command, [
    'REDIS_URL=redis://10.0.0.5:6379 RUNFLEET_CALLBACK_SECRET=whsec_… runfleet callbacks',
    'runfleet callbacks list',
    'runfleet callbacks redrive --all',
  ]).addHelpText(
    'after',
    '\nThe process is set up by the environment: see docs/configuration.md. Its logs are JSON lines already.',
  );
  command.action(async () => {
    await context.deps.startProcess('callbacks', context.io.env);
    finish(exitCodes.ok);
  });
  registerList({ ...registration, program: command });
  registerRedrive({ ...registration, program: command });
}

function registerList({ program, context, finish }: Registration): void {
  const command = program
    .command('list')
    .description('callbacks that were given up, the latest first; with --json one a line')
    .option('--limit <n>', 'at most so many', integer(1, 1_000_000), 20)
    .option('--all', 'every one that is kept');
  examples(withFleet(command), [
    'runfleet callbacks list',
    'runfleet callbacks list --all --json | jq -r .host | sort | uniq -c',
  ]).action(async () => {
    const { out } = context;
    const options = command.optsWithGlobals<ListOptions>();
    const signal = context.stopped();
    const most = options.all === true ? Infinity : options.limit;
    let shown = 0;
    const query = { limit: Math.min(most, pageSize) };
    for await (const callback of context.client(options).callbacks.all(query, { signal })) {
      if (shown === most) break;
      shown += 1;
      if (options.json === true) out.json(callback);
      else out.line(describe(callback, out.paint));
    }
    if (shown === 0) out.message('None has been given up.');
    finish(exitCodes.ok);
  });
}

function describe(callback: Callback, paint: Paint): string {
  const { id, type, host, tries, error, given_up_at: givenUpAt } = callback;
  const words = [id, type, host, `${tries} ${tries === 1 ? 'try' : 'tries'}`].map((word) => printable(word));
  return `${words.join('  ')}  ${paint('red', printable(error))}  ${paint('dim', printable(givenUpAt))}`;
}

function registerRedrive({ program, context, finish }: Registration): void {
  const command = program
    .command('redrive [ids...]')
    .description('send callbacks again that were given up, from the first try on')
    .option('--all', 'every one that is kept');
  examples(withFleet(command), [
    'runfleet callbacks redrive cb_run_0190a7_ended',
    'runfleet callbacks redrive --all',
  ]).action(async (ids: readonly string[]) => {
    const { out } = context;
    const options = command.optsWithGlobals<FleetOptions & { readonly all?: boolean }>();
    if (ids.length === 0 && options.all !== true) {
      command.error('error: name the callbacks, or give --all');
    }
    const client = context.client(options);
    const signal = context.stopped();
    let failed = 0;
    for (const id of options.all === true ? await allIds(client, signal) : ids) {
      try {
        await client.callbacks.redrive(id, { signal });
        if (options.json === true) out.json({ id, status: 'waiting' });
        else out.line(`${printable(id)}  on its way again`);
      } catch (error) {
        if (!isRunfleetApiError(error, 404)) throw error;
        failed += 1;
        out.message(`${id}: ${error.message}`);
      }
    }
    finish(failed === 0 ? exitCodes.ok : exitCodes.failed);
  });
}

/** Read first: what is sent again may be given up again, and would never end. */
async function allIds(client: RunfleetClient, signal: AbortSignal): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of client.callbacks.all({ limit: pageSize }, { signal })) ids.push(id);
  return ids;
}

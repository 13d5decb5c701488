/** `cancel` and `redrive`: one run or several; one that fails does not stop the others. */

import { isRunfleetApiError } from '../../client/index.ts';
import type { RunfleetClient, RunView } from '../../client/index.ts';
import type { FleetOptions } from '../context.ts';
import { exitCodes } from '../io.ts';
import { examples, withFleet } from './command.ts';
import type { Registration } from './command.ts';

interface Change {
  readonly name: string;
  readonly description: string;
  readonly examples: readonly string[];
  readonly act: (client: RunfleetClient, id: string, signal: AbortSignal) => Promise<RunView>;
  readonly tell: (id: string, run: RunView) => string;
}

const changes: readonly Change[] = [
  {
    name: 'cancel',
    description: 'cancel runs, at the provider too',
    examples: [
      'runfleet cancel run_0190a7',
      'runfleet list --status queued --all --json | jq -r .id | xargs runfleet cancel',
    ],
    act: (client, id, signal) => client.runs.cancel(id, { signal }),
    tell: (id, run) => `${id}  ${run.status}`,
  },
  {
    name: 'redrive',
    description: 'run ended runs again, each as a new run with the same request',
    examples: ['runfleet redrive run_0190a7', 'runfleet redrive run_0190a7 run_0190a8 --json'],
    act: (client, id, signal) => client.runs.redrive(id, { signal }),
    tell: (id, run) => `${id}  again as  ${run.id}`,
  },
];

export function registerChanges({ program, context, finish }: Registration): void {
  for (const change of changes) {
    const command = program.command(`${change.name} <ids...>`).description(change.description);
    examples(withFleet(command), change.examples).action(async (ids: readonly string[]) => {
      const options = command.optsWithGlobals<FleetOptions>();
      const client = context.client(options);
      const signal = context.stopped();
      let failed = 0;
      for (const id of ids) {
        try {
          const run = await change.act(client, id, signal);
          if (options.json === true) context.out.json({ id, run });
          else context.out.line(change.tell(id, run));
        } catch (error) {
          // A wrong key or a dead server would fail for all of them alike.
          if (!isRunfleetApiError(error) || ![400, 404, 409].includes(error.status)) throw error;
          failed += 1;
          context.out.message(`${id}: ${error.message}`);
          if (options.json === true) context.out.json({ id, error: error.problem });
        }
      }
      finish(failed === 0 ? exitCodes.ok : exitCodes.failed);
    });
  }
}

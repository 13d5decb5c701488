import { viewOf } from '../app/view.ts';
import { RunNotFoundError } from '../domain/errors.ts';
import type { RunView } from '../domain/wire/run-view.ts';
import type { RunRecord, RunStore } from '../ports/run-store.ts';
import { type Caller, may } from './auth/caller.ts';

/** The run, if this caller may know of it. Throws `RunNotFoundError`, also for a run of somebody else: ids are no secret. */
export async function visibleRun(
  store: Pick<RunStore, 'get'>,
  runId: string,
  caller: Caller,
): Promise<RunRecord> {
  const record = await store.get(runId);
  if (record === null || !(may(caller, 'admin') || record.spec.owner === caller.name))
    throw new RunNotFoundError(runId);
  return record;
}

/** As this caller may see it: whoever may only send runs does not read what came of them. */
export function viewFor(record: RunRecord, caller: Caller): RunView {
  return viewOf(record, may(caller, 'read') ? 'full' : 'brief');
}

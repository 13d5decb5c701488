import { RunNotFoundError, RunStillOpenError } from '../domain/errors.ts';
import type { Clock, Randomness } from '../ports/clock.ts';
import type { RunStore } from '../ports/run-store.ts';

import type { Backlog } from './backlog.ts';

interface RedriveDeps {
  readonly store: RunStore;
  readonly backlog: Backlog;
  readonly clock: Clock;
  readonly randomness: Randomness;
}

/**
 * Runs an ended run again, as a new run with the same request. Returns the new id.
 * Throws `RunNotFoundError`, `BacklogFullError`, or `RunStillOpenError` while the first is still going: that would be a second create.
 */
export async function redrive(deps: RedriveDeps, id: string): Promise<string> {
  const record = await deps.store.get(id);
  const data = await deps.store.getData(id);
  if (record === null || data === null) throw new RunNotFoundError(id);
  if (record.outcome === null) throw new RunStillOpenError(id);
  const nowMs = deps.clock.nowMs();
  const runId = deps.randomness.runId(nowMs);
  await deps.backlog.admit(1);
  await deps.store.add(runId, { ...data, accepted_at: new Date(nowMs).toISOString() });
  return runId;
}

import { RunNotFoundError, RunNotRedrivableError, RunStillOpenError } from '../domain/errors.ts';
import type { Clock, Randomness } from '../ports/clock.ts';
import type { RunStore } from '../ports/run-store.ts';
import { accept } from './accept.ts';
import type { Backlog } from './backlog.ts';

interface RedriveDeps {
  readonly store: RunStore;
  readonly backlog: Backlog;
  readonly clock: Clock;
  readonly randomness: Randomness;
}

export interface Redriven {
  readonly runId: string;
  /** False: with `once`, the run had been sent again before, as `runId`. */
  readonly created: boolean;
}

/**
 * Runs an ended run again, as a new run with the same request. With `once`, a run is sent again only if it never was, so
 * that many can be redriven by filter, and the filter be repeated.
 * Throws `RunNotFoundError`, `BacklogFullError`, `RunNotRedrivableError` for a job whose data never fitted, or
 * `RunStillOpenError` while the first is going: that would be a second create.
 */
export async function redrive(
  deps: RedriveDeps,
  id: string,
  { once = false }: { readonly once?: boolean } = {},
): Promise<Redriven> {
  const { store } = deps;
  const record = await store.get(id);
  if (record === null) throw new RunNotFoundError(id);
  if (record.outcome === null) throw new RunStillOpenError(id);
  const data = await store.getData(id);
  if (data === null) throw new RunNotRedrivableError(id);
  const nowMs = deps.clock.nowMs();
  const next = { ...data, accepted_at: new Date(nowMs).toISOString() };
  const fresh = deps.randomness.runId(nowMs);
  await deps.backlog.admit(1);
  // Noted before it is added: a process that dies in between leaves a name for the run that is to come.
  const noted = await store.markRedriven(id, fresh);
  const runId = once ? noted : fresh;
  const created = (await store.get(runId)) === null;
  if (created) await accept(store.add(runId, next));
  return { runId, created };
}

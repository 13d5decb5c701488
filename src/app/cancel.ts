import { RunNotFoundError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { RunRecord, RunStore } from '../ports/run-store.ts';

/**
 * Asks for a run's end. The request is on record when this resolves; the worker then cancels at the provider.
 * A run that has ended stays as it is. Throws `RunNotFoundError`.
 */
export async function cancel(
  deps: { readonly store: RunStore; readonly clock: Clock },
  id: string,
): Promise<RunRecord> {
  await deps.store.requestCancel(id, deps.clock.nowMs());
  const record = await deps.store.get(id);
  if (record === null) throw new RunNotFoundError(id);
  return record;
}

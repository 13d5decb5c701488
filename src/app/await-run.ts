import { RunNotFoundError } from '../domain/errors.ts';
import { statusOf } from '../domain/run.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { RunRecord, RunStore } from '../ports/run-store.ts';

/**
 * The run, as soon as it has ended or asks for tools, and at the latest when `signal` aborts.
 *
 * Costs two reads, however long it takes: it wakes by an event, and reads again only after a gap in the events.
 * Throws `RunNotFoundError`.
 */
export async function awaitRun(
  deps: { readonly store: RunStore; readonly events: EventBus },
  id: string,
  signal: AbortSignal,
): Promise<RunRecord> {
  let notify: (() => void) | undefined;
  let rung = false;
  const ring = (): void => {
    rung = true;
    notify?.();
  };
  // Subscribed before the first read: what happens in between rings.
  const unsubscribe = deps.events.subscribe(id, { onEvent: ring, onGap: ring });
  signal.addEventListener('abort', ring);
  try {
    for (;;) {
      rung = false;
      const record = await deps.store.get(id);
      if (record === null) throw new RunNotFoundError(id);
      if (record.outcome !== null || statusOf(record.state) === 'requires_action' || signal.aborted)
        return record;
      if (!rung) await new Promise<void>((resolve) => (notify = resolve));
    }
  } finally {
    signal.removeEventListener('abort', ring);
    unsubscribe();
  }
}

import { RunNotFoundError } from '../domain/errors.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { RunRecord, RunStore } from '../ports/run-store.ts';
import { Bell } from './bell.ts';
import { asksItsCaller } from './tool-views.ts';

/**
 * The run, as soon as it has ended or asks its caller for tools, and at the latest when `signal` aborts.
 *
 * Costs two reads, however long it takes: it wakes by an event, and reads again only after a gap in the events.
 * Throws `RunNotFoundError`.
 */
export async function awaitRun(
  deps: { readonly store: RunStore; readonly events: EventBus },
  id: string,
  signal: AbortSignal,
): Promise<RunRecord> {
  const bell = new Bell();
  // Subscribed before the first read: what happens in between rings.
  const unsubscribe = deps.events.subscribe(id, { onEvent: bell.ring, onGap: bell.ring });
  signal.addEventListener('abort', bell.ring);
  try {
    for (;;) {
      bell.hush();
      const record = await deps.store.get(id);
      if (record === null) throw new RunNotFoundError(id);
      if (record.outcome !== null || asksItsCaller(record) || signal.aborted) return record;
      await bell.heard();
    }
  } finally {
    signal.removeEventListener('abort', bell.ring);
    unsubscribe();
  }
}

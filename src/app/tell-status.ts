import { type RunState, statusOf } from '../domain/run.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { Telemetry } from '../ports/telemetry.ts';

/** Tells those who wait of a parked run whose status has changed. Never rejects: an event may be lost, a run may not. */
export async function tellStatus(
  runId: string,
  before: RunState,
  after: RunState,
  {
    events,
    clock,
    telemetry,
  }: { readonly events: EventBus; readonly clock: Clock; readonly telemetry: Telemetry },
): Promise<void> {
  const status = statusOf(after);
  if (status === statusOf(before)) return;
  try {
    await events.publish({ runId, status, atMs: clock.nowMs() });
  } catch (error) {
    telemetry.log('warn', 'An event was not published', { runId, error });
  }
}

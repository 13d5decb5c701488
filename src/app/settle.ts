import type { RunOutcome, RunSpec } from '../domain/run.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventBus } from '../ports/event-bus.ts';

export interface SettleDeps {
  readonly events: EventBus;
  readonly clock: Clock;
}

/** Tells everybody that a run has ended. Runs again after a crash, so each part is idempotent. */
export async function settle(spec: RunSpec, outcome: RunOutcome, deps: SettleDeps): Promise<void> {
  await deps.events.publish({ runId: spec.id, status: outcome.status, atMs: deps.clock.nowMs() });
}

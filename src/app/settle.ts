import type { RunOutcome } from '../domain/run.ts';
import type { CallbackSender } from '../ports/callback-sender.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventBus } from '../ports/event-bus.ts';
import type { RunRecord } from '../ports/run-store.ts';
import { callbackOf } from './callbacks.ts';

export interface SettleDeps {
  readonly events: EventBus;
  readonly callbacks: CallbackSender;
  readonly clock: Clock;
}

type EndedRecord = RunRecord & { readonly outcome: RunOutcome };

/** Tells everybody that a run has ended. Runs again after a crash, so each part is idempotent. */
export async function settle(record: EndedRecord, deps: SettleDeps): Promise<void> {
  const { spec, outcome } = record;
  const nowMs = deps.clock.nowMs();
  await deps.events.publish({ runId: spec.id, status: outcome.status, atMs: nowMs });
  const callback = callbackOf(record, nowMs);
  if (callback !== null) await deps.callbacks.send(callback);
}

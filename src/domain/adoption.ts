/** A create whose answer was lost, and an id at the provider that may be its run's: a webhook for it has come. */

import type { DecideContext } from './decision.ts';
import type { CreatingState } from './run.ts';
import type { ProviderSnapshot } from './snapshot.ts';

/** Each look that was for nothing puts the next one off by so much more: some twenty in a quarantine of a minute. */
const inspectionGapMs = 250;

export function withCandidate(state: CreatingState, candidate: string | undefined): CreatingState {
  return candidate === undefined || state.candidate !== undefined ? state : { ...state, candidate };
}

/**
 * Until when a create of unknown fate may still turn up. Where a webhook will tell of it, there is time: it costs no call.
 * Who asked for a second try, or for a cancel, does not wait for that.
 */
export function quarantineEndMs({ intentAtMs, cancel }: CreatingState, context: DecideContext): number {
  const { policy, spec, willBeTold = false } = context;
  const waitsToBeTold = willBeTold && cancel === null && spec.onAmbiguous === 'fail';
  return intentAtMs + (waitsToBeTold ? policy.toldQuarantineMs : policy.quarantineMs);
}

/** Whether to look at the candidate; not when the quarantine is over and the provider does not show it. */
export function isWorthALook(state: CreatingState, context: DecideContext): boolean {
  if (state.candidate === undefined) return false;
  const isOver = context.nowMs >= quarantineEndMs(state, context);
  const fault = state.faultStreak > 0 ? state.lastFault?.type : undefined;
  return !(isOver && (fault === 'not_found' || fault === 'refused'));
}

export function isOurs({ runId }: ProviderSnapshot, { spec }: DecideContext): boolean {
  return runId === spec.id;
}

/** It was another's: somebody else's on this account, or another run's of ours. */
export function withoutCandidate(state: CreatingState, nowMs: number): CreatingState {
  const { candidate: _candidate, ...rest } = state;
  const inspections = (state.inspections ?? 0) + 1;
  return { ...rest, faultStreak: 0, inspections, inspectAfterMs: nowMs + inspections * inspectionGapMs };
}

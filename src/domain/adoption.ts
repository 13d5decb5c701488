/** Whose run it is that the provider tells of: one found for a create whose answer was lost, or what came as an answer. */

import type { DecideContext } from './decision.ts';
import type { FaultDetails } from './fault.ts';
import type { CreatingState, RunState } from './run.ts';
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

/**
 * A cache, or a server that mixes its answers up: a run must not end with a stranger's output. Our id in the metadata tells,
 * for some gateways give a run another id in each answer; without it, the id that was asked for.
 */
export function isStrangers(
  state: RunState,
  { runId, providerRunId }: ProviderSnapshot,
  { spec }: DecideContext,
): boolean {
  if (typeof runId === 'string' && runId !== spec.id) return true;
  if (state.phase !== 'following' || providerRunId === state.providerRunId) return false;
  // One that it has left behind is its own, and yet not the one that it follows.
  return runId !== spec.id || (state.tools?.formerRunIds.includes(providerRunId) ?? false);
}

export const strangersAnswer: FaultDetails = {
  type: 'unclear',
  code: 'another_run',
  message: 'The provider answered with another run than the one that was asked for.',
  httpStatus: null,
  retryAfterMs: null,
};

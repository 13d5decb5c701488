/** Whose run it is that the provider tells of: one found for a create whose answer was lost, or what came as an answer. */

import type { DecideContext } from './decision.ts';
import type { FaultDetails } from './fault.ts';
import type { CreatingState, RunState } from './run.ts';
import type { ProviderSnapshot } from './snapshot.ts';

/** Each look that was for nothing puts the next one off by so much more: some twenty in a quarantine of a minute. */
const inspectionGapMs = 250;

/** The second look at one that the provider does not show; the later ones come at twice its age each. */
const missedGapMs = 1000;
/** More than are looked at in a minute. */
const mostMissed = 20;

/** `offered`: one that nobody has looked at yet. */
export function withCandidate(
  state: CreatingState,
  offered: string | undefined,
  nowMs: number,
): CreatingState {
  if (state.candidate !== undefined) return state;
  const candidate = offered ?? missedId(state, nowMs);
  return candidate === undefined ? state : { ...state, candidate };
}

function missedId({ missed = [], inspectAfterMs = 0 }: CreatingState, nowMs: number): string | undefined {
  return inspectAfterMs > nowMs ? undefined : missed.find(({ againAtMs }) => againAtMs <= nowMs)?.id;
}

/** When there is another look to make; Infinity while there is no candidate. */
export function nextInspectionMs({ missed = [], inspectAfterMs = 0 }: CreatingState, nowMs: number): number {
  return inspectAfterMs > nowMs ? inspectAfterMs : Math.min(...missed.map(({ againAtMs }) => againAtMs));
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

export function isOurs({ runId }: ProviderSnapshot, { spec }: DecideContext): boolean {
  return runId === spec.id;
}

/** It was another's: somebody else's on this account, or another run's of ours. */
export function withoutCandidate(state: CreatingState, nowMs: number): CreatingState {
  const { candidate, missed: missedBefore = [], ...rest } = state;
  const inspections = (state.inspections ?? 0) + 1;
  const missed = missedBefore.filter(({ id }) => id !== candidate);
  return {
    ...rest,
    faultStreak: 0,
    inspections,
    inspectAfterMs: nowMs + inspections * inspectionGapMs,
    ...(missed.length === 0 ? {} : { missed }),
  };
}

/**
 * The provider does not show it. Nobody's, or one that it will show in half a minute: it is looked at again, but others
 * first.
 */
export function withMissed(state: CreatingState, { nowMs, policy }: DecideContext): CreatingState {
  const others = withoutCandidate(state, nowMs);
  const { candidate: id } = state;
  if (id === undefined) return others;
  const sinceMs = state.missed?.find((one) => one.id === id)?.sinceMs ?? nowMs;
  const ageMs = nowMs - sinceMs;
  if (ageMs >= policy.notFoundGraceMs) return others;
  const again = { id, sinceMs, againAtMs: nowMs + ageMs + missedGapMs };
  return { ...others, missed: [...(others.missed ?? []), again].slice(-mostMissed) };
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

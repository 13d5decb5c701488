/** Shorthand of the tests of `decide`: a context with no jitter, and the events. */

import { decide } from '../../../src/domain/decide.ts';
import type { DecideContext, Decision, Next, RunCall, RunEvent } from '../../../src/domain/decision.ts';
import type { FaultDetails } from '../../../src/domain/fault.ts';
import { defaultPolicy } from '../../../src/domain/policy.ts';
import { backoffSchedule, defaultBackoff } from '../../../src/domain/poll-schedule.ts';
import type { RunOutcome, RunState } from '../../../src/domain/run.ts';
import type { ProviderSnapshot } from '../../../src/domain/snapshot.ts';
import { aSpec, t0 } from '../../support/fakes/builders.ts';

export function aContext(patch: Partial<DecideContext> = {}): DecideContext {
  return {
    nowMs: t0,
    random: 0.5,
    spec: aSpec(),
    policy: defaultPolicy,
    schedule: backoffSchedule({ ...defaultBackoff, jitter: 0 }),
    canFind: false,
    foundBy: 'poll',
    ...patch,
  };
}

/** What is decided `atMs` after `t0`. */
export function decideAt(
  atMs: number,
  state: RunState,
  event: RunEvent,
  patch: Partial<DecideContext> = {},
): Decision {
  return decide(state, event, aContext({ nowMs: t0 + atMs, ...patch }));
}

export function activated(patch: Partial<Extract<RunEvent, { type: 'activated' }>> = {}): RunEvent {
  return { type: 'activated', wokenBy: null, cancelRequestedAtMs: null, ...patch };
}

export function replied(call: 'create' | 'retrieve' | 'cancel', snapshot: ProviderSnapshot): RunEvent {
  return { type: 'replied', call, snapshot };
}

export function faulted(call: RunCall, fault: FaultDetails): RunEvent {
  return { type: 'faulted', call, fault };
}

export const calls = (call: RunCall): Next => ({ type: 'call', call });
/** A wait until so long after `t0`. */
export const waits = (untilMs: number): Next => ({ type: 'wait', untilMs: t0 + untilMs });

export function outcomeOf({ next }: Decision): RunOutcome {
  if (next.type !== 'end') throw new Error(`The decision is to ${next.type}, not to end.`);
  return next.outcome;
}

/** Milliseconds from `t0`. */
export function waitOf({ next }: Decision): number {
  if (next.type !== 'wait') throw new Error(`The decision is to ${next.type}, not to wait.`);
  return next.untilMs - t0;
}

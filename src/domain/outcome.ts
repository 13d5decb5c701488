/** How a run ends: from what the provider said, or from what we had to decide ourselves. */

import type { FaultDetails } from './fault.ts';
import type { CancelIntent, Ending, FetchingState, FoundBy, RunError, RunOutcome, RunSpec } from './run.ts';
import type { RunOutput } from './snapshot.ts';
import type { TerminalStatus } from './status.ts';

/** Provider codes after which the same request may well succeed. */
const retryableCodes: ReadonlySet<string> = new Set([
  'server_error',
  'rate_limit_exceeded',
  'vector_store_timeout',
]);

function providerError(ending: Ending): RunError | null {
  switch (ending.status) {
    case 'completed':
      return null;
    case 'failed': {
      const code = ending.error?.code ?? 'unknown_error';
      const message = ending.error?.message ?? 'The provider gave no reason.';
      return { code, message, retryable: retryableCodes.has(code) };
    }
    case 'incomplete': {
      const code = ending.error?.code ?? 'incomplete';
      return { code, message: ending.error?.message ?? 'The answer is incomplete.', retryable: false };
    }
    case 'cancelled': {
      const message = ending.error?.message ?? 'The run was cancelled at the provider.';
      return { code: ending.error?.code ?? 'cancelled', message, retryable: false };
    }
    case 'expired': {
      const message = ending.error?.message ?? 'The run expired at the provider before it was done.';
      return { code: ending.error?.code ?? 'expired', message, retryable: true };
    }
    default: {
      const never: never = ending.status;
      return never;
    }
  }
}

/**
 * When a run was over, from what bounds it: after the last look that missed it, before the one that hit, and
 * within the whole second that the provider stamped. The middle of what remains.
 */
export function estimateEndMs(missMs: number, hitMs: number, stampMs: number | null): number {
  // Clocks of workers differ: a miss seen by another may lie after our hit.
  const lowMs = Math.min(missMs, hitMs);
  if (stampMs === null) return Math.round((lowMs + hitMs) / 2);
  const low = Math.min(Math.max(lowMs, stampMs), hitMs);
  const high = Math.max(low, Math.min(hitMs, stampMs + 999));
  return Math.round((low + high) / 2);
}

/** The outcome of a run that ended at the provider. `missMs`: the last look that found it still going. */
export function providerOutcome(
  ending: Ending,
  output: RunOutput | null,
  missMs: number,
  cancel: CancelIntent['reason'] | null,
): RunOutcome {
  const completedAtMs = estimateEndMs(missMs, ending.detectedAtMs, ending.endedAtMs);
  const base = {
    output,
    usage: ending.usage,
    completedAtMs,
    detectedAtMs: ending.detectedAtMs,
    detectionDelayMs: Math.max(0, ending.detectedAtMs - completedAtMs),
    foundBy: ending.foundBy,
  };
  // Our own deadline cancelled it: `cancelled` would tell the caller that somebody asked for it.
  if (ending.status === 'cancelled' && cancel === 'deadline') {
    return { ...base, status: 'timed_out', error: deadlineError };
  }
  return { ...base, status: ending.status, error: providerError(ending) };
}

/** The outcome of a run whose output is fetched apart; without it, the error says so. */
export function fetchedOutcome(state: FetchingState, output: RunOutput | null): RunOutcome {
  const outcome = providerOutcome(state.ended, output, state.lastLookAtMs, state.cancel?.reason ?? null);
  if (output !== null || outcome.error !== null) return outcome;
  const reason = state.lastFault?.message ?? 'no answer';
  const message = `The run completed, but its output could not be read: ${reason}`;
  return { ...outcome, error: { code: 'output_unavailable', message, retryable: false } };
}

const deadlineError: RunError = {
  code: 'deadline_exceeded',
  message:
    'The run was not done by its deadline and was cancelled. Raise deadline_seconds if it needs longer.',
  retryable: true,
};

function ownOutcome(
  status: TerminalStatus,
  error: RunError,
  nowMs: number,
  foundBy: FoundBy | null = null,
): RunOutcome {
  return {
    status,
    error,
    output: null,
    usage: null,
    completedAtMs: null,
    detectedAtMs: nowMs,
    detectionDelayMs: null,
    foundBy,
  };
}

/** `unconfirmed`: the provider did not say that its run is cancelled too. */
export function cancelledOutcome(
  reason: CancelIntent['reason'],
  nowMs: number,
  unconfirmed: string | null,
): RunOutcome {
  const note = unconfirmed === null ? '' : ` ${unconfirmed}`;
  return reason === 'deadline'
    ? ownOutcome('timed_out', { ...deadlineError, message: deadlineError.message + note }, nowMs)
    : ownOutcome(
        'cancelled',
        { code: 'cancelled', message: `The run was cancelled by its caller.${note}`, retryable: false },
        nowMs,
      );
}

export function rejectedOutcome(fault: FaultDetails, nowMs: number): RunOutcome {
  return ownOutcome('rejected', { code: fault.code, message: fault.message, retryable: false }, nowMs);
}

export function toolFailureOutcome(error: RunError, nowMs: number): RunOutcome {
  return ownOutcome('failed', error, nowMs);
}

export function lostOutcome(fault: FaultDetails, nowMs: number): RunOutcome {
  const message = `The provider no longer knows the run: ${fault.message}`;
  return ownOutcome('lost', { code: fault.code, message, retryable: true }, nowMs);
}

/** A create that may have happened, of a run that cannot be found. The caller alone can say whether twice is bad. */
export function ambiguousOutcome(spec: RunSpec, nowMs: number): RunOutcome {
  return ownOutcome(
    'failed',
    {
      code: 'ambiguous_create',
      message:
        'The reply to the create was lost, so the run may exist at the provider ' +
        `(metadata runfleet_id=${spec.id}). It was not created again; send on_ambiguous "retry" to allow that.`,
      retryable: true,
    },
    nowMs,
  );
}

/** A fault of our own. Kept visible: a run must not vanish because runfleet has a bug. */
export function internalOutcome(message: string, nowMs: number): RunOutcome {
  return ownOutcome('failed', { code: 'internal_error', message, retryable: true }, nowMs);
}

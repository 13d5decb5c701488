/**
 * What a run will do, laid out in advance as points in time, so that its status can be computed whenever
 * somebody looks and no run needs a timer. Times are milliseconds on the simulator's clock; `Infinity` is
 * never.
 */

/** How a run can be told to end. See docs/simulator.md. */
export const ENDINGS = [
  'completed',
  'failed',
  'incomplete',
  /** Cancelled, though nobody asked through this API. */
  'cancelled',
  /** Threads' runs only; a response `failed` instead. */
  'expired',
  /** Asks for tools first, then completes. */
  'tools',
  /** Stays as it is: in progress for ever. */
  'never',
  /** Vanishes: 404 from then on. */
  'lost',
] as const;

export type Ending = (typeof ENDINGS)[number];

/** Where a leg leads: an ending, or a stop that waits for tool outputs. */
export type Outcome = Exclude<Ending, 'tools'> | 'requires_action';

export type Phase =
  | 'queued'
  | 'in_progress'
  | 'requires_action'
  | 'cancelling'
  | 'cancelled'
  | 'completed'
  | 'failed'
  | 'incomplete'
  | 'expired'
  | 'lost';

export interface Plan {
  readonly createdAtMs: number;
  /** First left the queue. */
  readonly startedAtMs: number;
  /** The present leg began: the creation, or the arrival of tool outputs. */
  readonly legAtMs: number;
  /** Until then a run whose outputs have arrived still reads `requires_action`. */
  readonly lagEndsAtMs: number;
  /** The present leg leaves the queue. */
  readonly legStartsAtMs: number;
  /** The present leg arrives at its outcome. */
  readonly legEndsAtMs: number;
  readonly outcome: Outcome;
  readonly expiresAtMs: number;
  readonly cancelAskedAtMs: number;
  readonly cancelledAtMs: number;
  /** Cancelled, and completes all the same. */
  readonly revivedAtMs: number;
}

const TERMINAL: ReadonlySet<Phase> = new Set([
  'cancelled',
  'completed',
  'failed',
  'incomplete',
  'expired',
  'lost',
]);

export function isTerminal(phase: Phase): boolean {
  return TERMINAL.has(phase);
}

/** `durationMs` covers the whole leg, the queue included. */
interface Leg {
  nowMs: number;
  queueMs: number;
  durationMs: number;
  outcome: Outcome;
}

function leg({ nowMs, queueMs, durationMs, outcome }: Leg) {
  return {
    legStartsAtMs: nowMs + Math.min(queueMs, durationMs),
    legEndsAtMs: outcome === 'never' ? Infinity : nowMs + durationMs,
    outcome,
  };
}

export function planRun(first: Leg & { expiresAfterMs: number }): Plan {
  const { nowMs } = first;
  const timed = leg(first);
  return {
    ...timed,
    createdAtMs: nowMs,
    startedAtMs: timed.legStartsAtMs,
    legAtMs: nowMs,
    lagEndsAtMs: nowMs,
    // One that is meant to expire does so when its duration is over, not ten minutes later.
    expiresAtMs: Math.min(
      nowMs + first.expiresAfterMs,
      first.outcome === 'expired' ? timed.legEndsAtMs : Infinity,
    ),
    cancelAskedAtMs: Infinity,
    cancelledAtMs: Infinity,
    revivedAtMs: Infinity,
  };
}

/** The run goes on: its tool outputs have arrived. */
export function planNextLeg(plan: Plan, next: Leg & { lagMs: number }): Plan {
  const lagEndsAtMs = next.nowMs + next.lagMs;
  const timed = leg({ ...next, nowMs: lagEndsAtMs });
  const expiresAtMs = Math.min(plan.expiresAtMs, next.outcome === 'expired' ? timed.legEndsAtMs : Infinity);
  return { ...plan, ...timed, legAtMs: next.nowMs, lagEndsAtMs, expiresAtMs };
}

/** The run is cancelled: at once, or after `cancellingMs` of `cancelling`. */
export function planCancel(
  plan: Plan,
  cancel: { nowMs: number; cancellingMs: number; revivesAfterMs: number },
): Plan {
  const cancelledAtMs = cancel.nowMs + cancel.cancellingMs;
  return {
    ...plan,
    cancelAskedAtMs: cancel.nowMs,
    cancelledAtMs,
    revivedAtMs: cancelledAtMs + cancel.revivesAfterMs,
  };
}

/** Where the run is at `nowMs`, and since when. */
export function phaseAt(plan: Plan, nowMs: number): { phase: Phase; sinceMs: number } {
  if (nowMs >= plan.revivedAtMs) return { phase: 'completed', sinceMs: plan.revivedAtMs };
  if (nowMs >= plan.cancelledAtMs) return { phase: 'cancelled', sinceMs: plan.cancelledAtMs };
  if (nowMs >= plan.cancelAskedAtMs) return { phase: 'cancelling', sinceMs: plan.cancelAskedAtMs };
  // A reply to a create or a submit always reads `queued`, however short the leg.
  if (nowMs <= plan.legAtMs) return { phase: 'queued', sinceMs: plan.legAtMs };
  const endsByItself = plan.outcome !== 'requires_action' && plan.legEndsAtMs < plan.expiresAtMs;
  if (nowMs >= plan.expiresAtMs && !endsByItself) return { phase: 'expired', sinceMs: plan.expiresAtMs };
  if (nowMs < plan.lagEndsAtMs) return { phase: 'requires_action', sinceMs: plan.legAtMs };
  if (nowMs < plan.legStartsAtMs) return { phase: 'queued', sinceMs: plan.lagEndsAtMs };
  if (nowMs < plan.legEndsAtMs) return { phase: 'in_progress', sinceMs: plan.legStartsAtMs };
  // `never` has an infinite end, so it is not reached here.
  const phase = plan.outcome === 'never' ? 'in_progress' : plan.outcome;
  return { phase, sinceMs: plan.legEndsAtMs };
}

/** When the run ended, or `null` while it has not. */
export function endedAtMs(plan: Plan, nowMs: number): number | null {
  const { phase, sinceMs } = phaseAt(plan, nowMs);
  return isTerminal(phase) ? sinceMs : null;
}

/** The API's timestamps are whole seconds. */
export function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}

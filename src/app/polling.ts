/** How a fleet decides when to look: what a step asks of it, and the plain way that knows nothing. */

import type { RunEvent } from '../domain/decision.ts';
import { lookedAt, replayed } from '../domain/polling/regret.ts';
import { boundedSchedule, type PollSchedule } from '../domain/poll-schedule.ts';
import type { RunOutcome, RunSpec, RunState } from '../domain/run.ts';
import type { RequestRules } from '../ports/run-provider.ts';
import type { Activation } from '../ports/run-store.ts';
import type { PollReport } from '../ports/telemetry.ts';

export interface Polling {
  /** When to look at this run, by its account (absent: the default one). Answers at once, from memory. */
  scheduleFor(spec: RunSpec, account?: string): PollSchedule;
  /** Whether webhooks come, one of which will tell of this run. Answers at once, from memory. */
  willBeTold(spec: RunSpec, account?: string): boolean;
  /** Whether a look at this run goes before others that wait for permits. Answers at once, from memory. */
  goesFirst(spec: RunSpec, account?: string): boolean;
  /** A look that was due has got its permit, after `waitedMs`. Never waits and never throws. */
  permitted(spec: RunSpec, state: RunState, waitedMs: number, nowMs: number): void;
  /** A step that began with `before` leaves the run as `after`, for a while. Never waits and never throws. */
  parked(spec: RunSpec, before: RunState, after: RunState, nowMs: number): void;
  /** Learns from what happened to a run: `event` met the state `before`. Never waits and never throws. */
  learn(spec: RunSpec, before: RunState, event: RunEvent, nowMs: number): void;
  /** A run has ended, once for each: what its looks cost; null where there is nothing to compare. */
  report(spec: RunSpec, state: RunState, outcome: RunOutcome): PollReport | null;
}

export interface BackoffPollingOptions {
  readonly schedule: PollSchedule;
  /** What a look is worth, for the reports. */
  readonly costMs: number;
}

/** The plain backoff: the same for every run, and the fallback that needs nothing. */
export class BackoffPolling implements Polling {
  private readonly options: BackoffPollingOptions;

  constructor(options: BackoffPollingOptions) {
    this.options = options;
  }

  scheduleFor({ maxDelayMs }: RunSpec): PollSchedule {
    const { schedule } = this.options;
    return maxDelayMs === null ? schedule : boundedSchedule(schedule, maxDelayMs);
  }

  willBeTold(): boolean {
    return false;
  }

  goesFirst(): boolean {
    return false;
  }

  permitted(): void {}

  parked(): void {}

  learn(): void {}

  report(spec: RunSpec, state: RunState, outcome: RunOutcome): PollReport | null {
    return pollReport({ spec, state, outcome, expectedLooks: null, ...this.options });
  }
}

export interface ReportInput extends BackoffPollingOptions {
  readonly spec: RunSpec;
  readonly state: RunState;
  readonly outcome: RunOutcome;
  readonly expectedLooks: number | null;
}

/** `schedule`: the plain backoff that the run is compared with. */
export function pollReport(input: ReportInput): PollReport | null {
  const { spec, state, outcome, expectedLooks, schedule } = input;
  const real = lookedAt(state, outcome);
  if (real === null) return null;
  const costMs = spec.pollCostMs ?? input.costMs;
  const plain = replayed(schedule, real.durationMs);
  return {
    kind: spec.kind,
    looks: real.looks,
    costSeconds: (real.looks * costMs + real.delayMs) / 1000,
    expectedLooks,
    backoffLooks: plain.looks,
    backoffCostSeconds: (plain.looks * costMs + plain.delayMs) / 1000,
  };
}

/** What a producer of another language did not say is read off the request, where that came with the job. */
export function withTraits({ spec, inlineRequest }: Activation, rules: RequestRules): RunSpec {
  if (spec.traits !== null || inlineRequest === null) return spec;
  return { ...spec, traits: rules.traitsOf(inlineRequest) };
}

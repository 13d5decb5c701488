import type { CallOperation, RunOutcome, RunSpec, RunState } from '../domain/run.ts';
import type { RunKind } from '../domain/status.ts';

export interface ApiCallReport {
  readonly kind: RunKind;
  readonly operation: CallOperation;
  /** HTTP status as text, or `error` when there was no answer. */
  readonly code: string;
}

/** What the looks at one run cost, where that can be compared. Cost: seconds of delay, each look at its price. */
export interface PollReport {
  readonly kind: RunKind;
  readonly looks: number;
  readonly costSeconds: number;
  /** By what was believed of its class; null where nothing is learnt. */
  readonly expectedLooks: number | null;
  /** Of the plain backoff, for a run of this duration. */
  readonly backoffLooks: number;
  readonly backoffCostSeconds: number;
}

export interface ToolCallReport {
  readonly kind: RunKind;
  readonly tool: string;
  /** `ok`, or the code of its error. */
  readonly result: string;
  /** Null when nobody knows when it began. */
  readonly durationMs: number | null;
}

/** `failed` is tried again; the last three are given up. */
export type CallbackResult = 'delivered' | 'failed' | 'exhausted' | 'gone' | 'blocked';

/** What looks cost now, and what webhooks save; of several accounts, the worst. */
export interface PaceReport {
  /** The delay that one look is worth, where a run does not say. */
  readonly priceSeconds: number;
  /** The chance that a webhook tells of a run's end; null where none is expected. */
  readonly webhookChance: number | null;
}

/**
 * What became of a stream of events: its run's end came; it broke; it was opened again; another process has it, or its run
 * is over; there was no room for it.
 */
export type StreamResult = 'ended' | 'broken' | 'resumed' | 'lost' | 'refused';

/** Numbers and log lines. Never fails, never waits, never sees a prompt, an output or a secret. */
export interface Telemetry {
  apiCall(report: ApiCallReport): void;
  /** Once for each run whose outcome this process wrote. */
  runEnded(spec: RunSpec, state: RunState, outcome: RunOutcome): void;
  /** Once for each ended run that was found by looking. */
  polled(report: PollReport): void;
  /** Once for each tool call that was answered. */
  toolCall(report: ToolCallReport): void;
  /** Each second, of what the fleet agrees on. */
  paced(report: PaceReport): void;
  /** `account`: its name as configured. */
  throttled(account: string): void;
  /** Once for each try of a callback. */
  callbackTried(result: CallbackResult): void;
  streamed(result: StreamResult): void;
  log(
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void;
}

import type { CallOperation, RunOutcome, RunSpec, RunState } from '../domain/run.ts';
import type { RunKind } from '../domain/status.ts';

export interface ApiCallReport {
  readonly kind: RunKind;
  readonly operation: CallOperation;
  /** HTTP status as text, or `error` when there was no answer. */
  readonly code: string;
}

/** Numbers and log lines. Never fails, never waits, never sees a prompt, an output or a secret. */
export interface Telemetry {
  apiCall(report: ApiCallReport): void;
  /** Once for each run whose outcome this process wrote. */
  runEnded(spec: RunSpec, state: RunState, outcome: RunOutcome): void;
  throttled(): void;
  log(
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void;
}

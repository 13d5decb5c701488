/** What goes over the wire, as the server's own schemas describe it. Types only: nothing of the server is loaded. */

import type { QuotaView } from '../domain/wire/quota-view.ts';
import type { RunKind, RunStatus, TerminalStatus } from '../domain/status.ts';
import type { CallbackList, CallbackView as Callback } from '../domain/wire/callback.ts';
import type { DurationClass, DurationList } from '../domain/wire/durations.ts';
import type { RunInput } from '../domain/wire/run-input.ts';
import type { Problem, RunList, RunView } from '../domain/wire/run-view.ts';
import type { ToolOutputsInput } from '../domain/wire/tool-outputs.ts';

export type {
  Callback,
  CallbackList,
  DurationClass,
  DurationList,
  Problem,
  RunInput,
  RunKind,
  RunList,
  RunStatus,
  RunView,
  TerminalStatus,
};

/** The answer to one tool call. */
export type ToolOutput = ToolOutputsInput['tool_outputs'][number];

/** A run that has ended. */
export type EndedRun = RunView & { readonly status: TerminalStatus };

/** A table and not a list, so that the compiler notices a status that is missing here. */
const terminal: Readonly<Record<TerminalStatus, true>> = {
  completed: true,
  failed: true,
  incomplete: true,
  cancelled: true,
  expired: true,
  timed_out: true,
  lost: true,
  rejected: true,
};

/** True when nothing more will happen to this run. */
export function hasEnded(run: RunView): run is EndedRun {
  return Object.hasOwn(terminal, run.status);
}

export interface RunListQuery {
  readonly status?: RunStatus | undefined;
  readonly kind?: RunKind | undefined;
  /** Only runs that ended without an answer, and were not redriven. */
  readonly dead?: boolean | undefined;
  /** Runs a page. */
  readonly limit?: number | undefined;
  /** `next_cursor` of the page before. */
  readonly cursor?: string | undefined;
}

/** Limits, use and waiting calls per class, as the server reports them. */
export type Quota = QuotaView;

export interface Readiness {
  /** Whether this API process can work: Redis answers. */
  readonly ready: boolean;
  /** What was looked at, by name. */
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly detail?: string }>>;
}

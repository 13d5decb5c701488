/** Tool calls of the model, and the answers to them. */

/** Why a call has no output. Short: the model is told, and so is whoever reads the run. */
export interface ToolError {
  /** A word, such as `invalid_arguments`, `unknown_tool`, `tool_failed`, `timed_out`. */
  readonly code: string;
  readonly message: string;
}

export type ToolAnswer = { readonly output: string } | { readonly error: ToolError };

/** One call of one round of a run. Rounds count from 1. */
export interface ToolCallRef {
  readonly runId: string;
  readonly round: number;
  readonly toolCallId: string;
}

/** An answer, and when the call was worked on. Milliseconds since the epoch. */
export interface TimedAnswer {
  readonly answer: ToolAnswer;
  /** Null when nobody knows. */
  readonly startedAtMs: number | null;
  readonly endedAtMs: number;
}

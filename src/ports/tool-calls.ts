import type { ToolCall } from '../domain/snapshot.ts';
import type { TimedAnswer, ToolCallRef } from '../domain/tools.ts';

/** A call that is handed out. */
export interface ToolCallJob extends ToolCallRef {
  readonly name: string;
  /** As the model wrote them: JSON by intent, not by guarantee. */
  readonly arguments: string;
  /** Nobody waits for the answer after this. Milliseconds since the epoch. */
  readonly deadlineAtMs: number;
  /** Where mode `http` sends it; null otherwise. */
  readonly url: string | null;
  /** Of the run: 0 goes first, larger later. */
  readonly priority: number;
  /** Of the run. */
  readonly label: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** An answer that came back for a call. */
export interface ToolReturn extends ToolCallRef, TimedAnswer {}

/**
 * Hands tool calls to those who answer them; the answers come back by `ToolAnswers.keep`.
 *
 * Fails closed: every method rejects while Redis is unreachable.
 *
 * @public
 */
export interface ToolDispatcher {
  /** Idempotent: a call that was handed out before stays as it is. */
  dispatch(calls: readonly ToolCallJob[]): Promise<void>;
  /** Nobody waits for these any more: those that wait are dropped, those that run get an AbortSignal. Idempotent. */
  withdraw(calls: readonly ToolCallRef[]): Promise<void>;
  /** The answers that are there: for calls whose answer was told while nobody listened. */
  reconcile(calls: readonly ToolCallRef[]): Promise<readonly ToolReturn[]>;
}

/**
 * What became of an answer. `complete`: it was the last one that its round waited for. `known`: the call was answered
 * before, and that answer stands.
 */
export type Kept = 'kept' | 'complete' | 'known' | 'not_asked';

/**
 * The tool calls of each run and the answers to them, kept as they come and until the run is removed.
 *
 * Fails closed: every method rejects while Redis is unreachable.
 */
export interface ToolAnswers {
  /** Notes what a round asks for, with its arguments. A round that is open, or was, is left as it is. */
  open(runId: string, round: number, calls: readonly ToolCall[]): Promise<void>;
  /** The first answer to a call of the latest round stands. `not_asked`: another round, or another call. */
  keep(answer: ToolReturn): Promise<Kept>;
  /** The answers to these calls; those that are missing are left out. */
  read(
    runId: string,
    round: number,
    toolCallIds: readonly string[],
  ): Promise<ReadonlyMap<string, TimedAnswer>>;
  /** The calls of a round that have no answer yet. */
  unanswered(runId: string, round: number): Promise<readonly ToolCall[]>;
}

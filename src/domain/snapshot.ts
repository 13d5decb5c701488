/** What a provider told us of a run, in words that fit every kind. Adapters build it, the domain reads it. */

import type { ProviderEnding, RunningStatus } from './status.ts';

/** Where a run lives at its provider. */
export interface ProviderRef {
  readonly providerRunId: string;
  /** The thread of an assistants run; null for a response. */
  readonly threadId: string | null;
}

/** Tokens, as the provider counted them. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly totalTokens: number;
}

/** A tool call that the provider waits for. `arguments` is the model's text: JSON by intent, not by guarantee. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** The answer of a run. `items` are the provider's own objects, passed through. */
export interface RunOutput {
  readonly text: string | null;
  readonly items: readonly unknown[];
}

interface SnapshotBase extends ProviderRef {
  /** Provider's clock, milliseconds; null when it did not say. */
  readonly createdAtMs: number | null;
  /** When the provider will expire the run; null when it never does. */
  readonly expiresAtMs: number | null;
  /** The provider's lower bound for the next look (`openai-poll-after-ms`); null without one. */
  readonly pollAfterMs: number | null;
  readonly usage: Usage | null;
  /** Our id in its metadata; absent or null where there is none. */
  readonly runId?: string | null;
}

/** A run that is still going. An unknown status counts as running: a new word must not break old fleets. */
export interface RunningSnapshot extends SnapshotBase {
  readonly phase: 'running';
  readonly status: RunningStatus | 'unknown';
  /** The provider's own word when `status` is `unknown`. */
  readonly rawStatus: string;
  readonly toolCalls: readonly ToolCall[];
}

/** A run that is over at the provider. */
export interface EndedSnapshot extends SnapshotBase {
  readonly phase: 'ended';
  readonly status: ProviderEnding;
  /** The provider's own end stamp: whole seconds, given in milliseconds; null when it has none. */
  readonly endedAtMs: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  /** `separate`: the answer costs one more call (`fetchOutput`). */
  readonly output: RunOutput | 'separate' | null;
  /** The calls that it ended with: another run can take their answers. */
  readonly toolCalls?: readonly ToolCall[];
}

export type ProviderSnapshot = RunningSnapshot | EndedSnapshot;

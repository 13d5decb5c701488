import type { ProviderRef, ProviderSnapshot, RunOutput } from '../domain/snapshot.ts';
import type { RunTraits } from '../domain/run.ts';
import type { RunKind } from '../domain/status.ts';
import type { StreamingProvider } from './run-stream.ts';
import type { ToolOutput, ToolOutputLimits } from '../domain/tools.ts';

/** The caller's create parameters, passed through: only their kind's adapter reads them. */
export type ProviderRequest = Readonly<Record<string, unknown>>;

/**
 * A provider of one kind of run. Each method is **one** API call, made once: no retries, no waiting.
 *
 * Fails with a `ProviderFault` and nothing else, also when the answer is not what the API promises.
 */
export interface RunProvider {
  readonly kind: RunKind;
  /** Absent where the kind knows no streams that can be resumed: its runs are looked at. */
  readonly streaming?: StreamingProvider;

  /** Starts a run that carries `runId` in its metadata, so that it can be found again. */
  create(request: ProviderRequest, runId: string): Promise<ProviderSnapshot>;
  retrieve(ref: ProviderRef): Promise<ProviderSnapshot>;
  /**
   * Answers all calls of a round at once. What comes back is the run that asked, or the one that goes on in its
   * place, which carries `runId` as a created one does.
   */
  submit(answers: ToolSubmission): Promise<ProviderSnapshot>;
  /** Idempotent where the provider's is. The answer may still be running, or a run that ended before. */
  cancel(ref: ProviderRef): Promise<ProviderSnapshot>;
  /** The answer of a completed run, where a snapshot says `separate`. */
  fetchOutput(ref: ProviderRef): Promise<RunOutput>;

  /** Several runs in one call, where the provider has one. Absent: each look is a call. */
  readonly groupLooks?: GroupLooks;

  /** Whether `find` can tell, for a run created with this request. */
  canFind(request: ProviderRequest): boolean;
  /** The run that carries `runId`; null where there is none (yet). Call it only where `canFind` says so. */
  find(request: ProviderRequest, runId: string): Promise<ProviderSnapshot | null>;

  /**
   * Null when the request can be sent; else what is wrong with it, by field.
   * Only what would certainly fail: the provider has the last word.
   */
  validate(request: ProviderRequest): readonly RequestProblem[];
  /** What the answers of a round may weigh. */
  readonly toolOutputLimits: ToolOutputLimits;
  /** What runs one at a time: the thread or conversation of the request; null when it stands alone. */
  laneOf(request: ProviderRequest): string | null;
  /** What tells how long a run of this request may take. Names alone, nothing of a prompt. */
  traitsOf(request: ProviderRequest): RunTraits;
}

/** What can be said of a request without a credential and without a call. */
export type RequestRules = Pick<
  RunProvider,
  'validate' | 'laneOf' | 'traitsOf' | 'canFind' | 'toolOutputLimits'
>;

export interface GroupLooks {
  /** Runs of one group can be looked at together; null: this one only by itself. */
  readonly groupOf: (ref: ProviderRef) => string | null;
  /** The most runs of a call. */
  readonly mostRuns: number;
  /** Runs of one group, by `providerRunId`. One that is left out is not shown, which says nothing of it. */
  readonly retrieveMany: (refs: readonly ProviderRef[]) => Promise<ReadonlyMap<string, ProviderSnapshot>>;
}

export interface ToolSubmission {
  /** The run that asked. */
  readonly ref: ProviderRef;
  readonly outputs: readonly ToolOutput[];
  /** What the run was created with: a response that goes on needs most of it again. */
  readonly request: ProviderRequest;
  readonly runId: string;
}

export interface RequestProblem {
  /** Path below `request`, such as `['assistant_id']`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

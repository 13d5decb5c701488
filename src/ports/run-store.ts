import type { RunOutcome, RunSpec, RunState } from '../domain/run.ts';
import type { ToolCall } from '../domain/snapshot.ts';
import type { RunKind, RunStatus } from '../domain/status.ts';
import type { JobData } from '../domain/wire/job-data.ts';
import type { ProviderRequest } from './run-provider.ts';

/** All that is kept of a run, apart from its request. */
export interface RunRecord {
  readonly spec: RunSpec;
  readonly state: RunState;
  /** Null while the run is open. */
  readonly outcome: RunOutcome | null;
  /** Of a run that waits for tools, where it was read alone: the calls without an answer, arguments and all. */
  readonly unanswered?: readonly ToolCall[];
  /** The run that it was sent again as. */
  readonly redrivenAs?: string;
}

export interface ListQuery {
  readonly status?: RunStatus;
  readonly kind?: RunKind;
  /** Dead letters alone: of a `deadStatuses`, and not redriven. */
  readonly dead?: boolean;
  /** Whose runs; absent: everybody's. */
  readonly owner?: string;
  /** At most so many runs; fewer, with a cursor, when few of many match. */
  readonly limit: number;
  /** Where the last page ended. */
  readonly cursor?: string;
}

export interface RunPage {
  /** Newest first. */
  readonly runs: readonly RunRecord[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/**
 * The runs, and the queue that they wait in.
 *
 * Fails closed: every method rejects while Redis is unreachable or refuses to write, and nothing is accepted then.
 */
export interface RunStore {
  /** Accepts a run. Idempotent: an id that exists is left as it is. Resolves after the write. */
  add(id: string, data: JobData): Promise<void>;
  /** The same for many, in one trip; all or none are written. */
  addMany(runs: readonly { readonly id: string; readonly data: JobData }[]): Promise<void>;
  get(id: string): Promise<RunRecord | null>;
  /** The job data as accepted, request included; null when the run is gone, or its data fit no schema. */
  getData(id: string): Promise<JobData | null>;
  /** Notes the run that this one is sent again as, unless there is one on record. Returns the one that stands. */
  markRedriven(id: string, as: string): Promise<string>;
  /** Throws `InvalidCursorError` for a cursor that is not ours. */
  list(query: ListQuery): Promise<RunPage>;
  /**
   * Puts a cancel on record and wakes the run. `ended`: it is over, nothing changes. `missing`: no such run.
   */
  requestCancel(id: string, nowMs: number): Promise<'requested' | 'ended' | 'missing'>;
  /**
   * Makes the run's next activation happen now. A run that is active is activated again afterwards. False: it is over,
   * or gone.
   */
  wake(id: string, by: 'webhook' | 'stream' | 'tools'): Promise<boolean>;
  /** Runs in flight (waiting, delayed, active) by kind, and jobs by state, for the metrics. */
  counts(): Promise<RunCounts>;
}

export interface RunCounts {
  readonly inFlight: Readonly<Record<RunKind, number>>;
  readonly jobs: Readonly<Record<string, number>>;
  /** Runs that ended in a `deadStatuses` and are still kept, the redriven ones too. */
  readonly dead: Readonly<Record<RunKind, number>>;
}

/**
 * What a worker holds of a run during one activation. Lost when the worker stalls: then every write is refused. What a
 * create was answered is not lost with it: whoever has taken over, and waits for that answer, goes on from there.
 */
export interface Activation {
  readonly spec: RunSpec;
  readonly state: RunState;
  /** The request, where it came with the job; null where reading it would cost a trip. */
  readonly inlineRequest: ProviderRequest | null;
  /** Takes what was left for this run since the last activation. A cancel stays on record until the run ends. */
  takeSignals(): Promise<Signals>;
  /**
   * Whether it is this run's turn in its lane; `free` once means `free` until the run has ended. A run that waits is
   * activated when the one before it ends, and none is forgotten that asks again from time to time.
   */
  takeTurn(): Promise<'free' | 'busy'>;
  /** The provider's request; null when it is gone. Read only where it is needed: it may be megabytes. */
  loadRequest(): Promise<ProviderRequest | null>;
  /** Writes the state and goes on. Throws `ActivationLostError` when another worker has taken over. */
  save(state: RunState): Promise<void>;
  /** Writes the state and the next time together, and leaves the slot. Throws `ActivationLostError`. */
  park(state: RunState): Promise<void>;
  /** Writes the one outcome. False when one was written before: that one stands. Throws `ActivationLostError`. */
  commit(state: RunState, outcome: RunOutcome): Promise<boolean>;
  /**
   * Tells another run of an id at the provider that carries its id: its next `takeSignals` brings it as its candidate.
   * Does nothing unless its create is unanswered.
   */
  handOver(runId: string, providerRunId: string): Promise<void>;
  /** The outcome that stands; null while there is none. */
  outcome(): Promise<RunOutcome | null>;
}

export interface Signals {
  readonly wokenBy: 'webhook' | 'stream' | 'tools' | 'caller' | 'lane' | null;
  readonly cancelRequestedAtMs: number | null;
  /**
   * Of a run whose create was not answered: an id at the provider that may be its own, by a webhook that nobody knew what
   * to do with. It is this activation's to look at, and told once.
   */
  readonly candidate?: string;
}

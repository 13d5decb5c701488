import type { ProviderEnding, RunningStatus } from '../../../src/domain/status.ts';
import type { ProviderRequest, RunProvider } from '../../../src/ports/run-provider.ts';

/** What becomes of a run: it stays like this (any word, known or not), or it is over within a moment. */
export type Fate = { readonly stays: RunningStatus | (string & {}) } | { readonly endsAs: ProviderEnding };

/** What happens to the next call that reaches the stand-in. */
export type Trouble =
  /** An answer of the API itself, with its error envelope. `retryAfterMs`: in a `Retry-After` header. */
  | { readonly type: 'api_error'; readonly status: number; readonly retryAfterMs?: number }
  /** A gateway's HTML page. */
  | { readonly type: 'html'; readonly status: number }
  /** The connection is reset, and nothing was done. */
  | { readonly type: 'reset' }
  /** What was asked is done, and the connection is lost before the answer. */
  | { readonly type: 'lost_reply' }
  /** What was asked is done, and answered by status 200 and a body that is not what the API promises. */
  | { readonly type: 'garbage' };

export interface RunProviderHarness {
  readonly provider: RunProvider;
  /** A valid request whose run meets this fate. Of a kind that can find runs, it is one that `canFind` accepts. */
  request(fate: Fate): Promise<ProviderRequest>;
  /** The next call meets this. */
  trouble(trouble: Trouble): Promise<void>;
  /** Calls that have reached the stand-in so far, the failed ones too. */
  callsReceived(): Promise<number>;
  /** Runs that the stand-in has started for this id. */
  startedFor(runId: string): Promise<number>;
  close(): Promise<void>;
}

/** What is particular to one kind. */
export interface RunProviderTraits {
  readonly endings: readonly ProviderEnding[];
  readonly stays: readonly RunningStatus[];
  /** Whether the output costs a call of its own. */
  readonly separateOutput: boolean;
  readonly canFind: boolean;
  /** Whether runs on one `thread_id` can be looked at in one call. */
  readonly groupLooks: boolean;
  /** A request that would certainly fail, and what `validate` must point at. */
  readonly invalid: readonly {
    readonly request: ProviderRequest;
    readonly path: readonly (string | number)[];
  }[];
}

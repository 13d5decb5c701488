/** The load that every limiter gets, and what a worker process reports of it. */

export const schemes = ['runfleet', 'bullmq', 'rate-limiter-flexible', 'bottleneck'] as const;
export type Scheme = (typeof schemes)[number];

export interface Load {
  readonly scheme: Scheme;
  readonly redisPort: number;
  /** Permits a window. */
  readonly limit: number;
  /** Whole seconds: some limiters know nothing finer. */
  readonly windowMs: number;
  readonly process: number;
  /** Calls that wait or go at the same time, in each process. */
  readonly callers: number;
  /** One call opens the window; the crowd comes when most of it is over. Wall clock of the one machine. */
  readonly firstAtMs: number;
  readonly crowdAtMs: number;
  readonly endAtMs: number;
  /** How long a call takes. */
  readonly callMs: number;
}

export interface Report {
  /** When each permitted call went out. */
  readonly times: readonly number[];
}

/** A way to get permits: runs `call` whenever it may, until the end of the load. */
export type Drive = (load: Load, call: () => Promise<void>) => Promise<void>;

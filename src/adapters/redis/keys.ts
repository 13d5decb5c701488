/** The keys of this adapter. The prefix carries a hash tag, so that all of them share one slot of a cluster. */
export interface RedisKeys {
  /** Channel: what becomes of runs. */
  readonly events: string;
  /** Who reads the stream of a run, and the status that it last told. */
  stream(runId: string): string;
  /** How a streamed run ended, until an activation takes it up. */
  streamEnd(runId: string): string;
  /** Redis stream, and channel: the output of a streamed run, in pieces. */
  output(runId: string): string;
  idempotency(digest: string): string;
  /** The classes of runs, by when they were last added to. */
  readonly durationClasses: string;
  /** The counts of one class. Class keys hold no `:`, no braces and no white space. */
  durations(classKey: string): string;
}

export function redisKeys(prefix: string): RedisKeys {
  return {
    events: `${prefix}:events`,
    stream: (runId) => `${prefix}:stream:${runId}`,
    streamEnd: (runId) => `${prefix}:stream-end:${runId}`,
    output: (runId) => `${prefix}:output:${runId}`,
    idempotency: (digest) => `${prefix}:idempotency:${digest}`,
    durationClasses: `${prefix}:duration-classes`,
    durations: (classKey) => `${prefix}:durations:${classKey}`,
  };
}

/** What belongs to one account; named by its hash, as the limiter's keys are. */
export interface AccountKeys {
  /** Milliseconds since the epoch until which nobody calls the provider. */
  readonly pause: string;
  /** Channel: a new value of `pause`. */
  readonly pauses: string;
  readonly trouble: string;
  /** What the fleet agrees on about its looks: the price, and how webhooks arrive. */
  readonly pacing: string;
}

export function accountKeys(prefix: string, accountId: string): AccountKeys {
  const base = `${prefix}:account:${accountId}`;
  return {
    pause: `${base}:pause`,
    pauses: `${base}:pauses`,
    trouble: `${base}:trouble`,
    pacing: `${base}:pacing`,
  };
}

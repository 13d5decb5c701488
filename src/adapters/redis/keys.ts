/** The keys of this adapter. The prefix carries a hash tag, so that all of them share one slot of a cluster. */
export interface RedisKeys {
  /** Channel: what becomes of runs. */
  readonly events: string;
  /** Milliseconds since the epoch until which nobody calls the provider. */
  readonly pause: string;
  /** Channel: a new value of `pause`. */
  readonly pauses: string;
  readonly providerTrouble: string;
  idempotency(digest: string): string;
}

export function redisKeys(prefix: string): RedisKeys {
  return {
    events: `${prefix}:events`,
    pause: `${prefix}:pause`,
    pauses: `${prefix}:pauses`,
    providerTrouble: `${prefix}:provider-trouble`,
    idempotency: (digest) => `${prefix}:idempotency:${digest}`,
  };
}

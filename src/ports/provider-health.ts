/**
 * What the whole fleet should know of a provider that refuses our credential: readiness shows it.
 *
 * Advisory: fails open (a report may be lost, a read that fails says nothing is wrong).
 */
export interface ProviderHealth {
  /** A call was answered 401 or 403. */
  reportUnauthorized(message: string): Promise<void>;
  /** Null when no call was refused within the last minute. */
  current(): Promise<ProviderTrouble | null>;
}

export interface ProviderTrouble {
  readonly message: string;
  readonly atMs: number;
}

import type { CallClass } from '../../domain/limiter/classes.ts';

/** What the limiter has to tell the metrics. Never fails, never waits. */
export interface LimiterObserver {
  /** `runfleet_limiter_permits_total{class}` and `runfleet_limiter_wait_seconds{class}`: from the first ask on. */
  permitted(callClass: CallClass, waitedSeconds: number): void;
  /** The call was told to come back. */
  refused(callClass: CallClass, reason: 'quota' | 'paused' | 'tokens' | 'unavailable'): void;
  /** Once each time that Redis is lost, and once when it is back. */
  reachable(isReachable: boolean): void;
}

export const silentObserver: LimiterObserver = {
  permitted: () => {},
  refused: () => {},
  reachable: () => {},
};

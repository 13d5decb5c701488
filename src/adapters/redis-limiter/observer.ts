import type { CallClass } from '../../domain/limiter/classes.ts';

/** What the limiter has to tell the metrics. Never fails, never waits. */
export interface LimiterObserver {
  /** The permits by class, and how long each waited, from its first ask on. */
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

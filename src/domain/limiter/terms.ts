/** What a limiter holds to: as people set it, and as the arithmetic takes it. */

import { type CallClass, perClass, type PerClass } from './classes.ts';

/** Milliseconds and calls (or tokens) per window. */
export interface LimiterSettings {
  /** Calls a window; null: learnt from the provider's headers; 0: no limit. Default null. */
  readonly requests: number | null;
  /** Tokens a window; null: learnt; 0: no limit. Default null. */
  readonly tokens: number | null;
  /** Quotas of their own. Such a class does not count against `requests`. Default none. */
  readonly classRequests: Partial<Readonly<Record<CallClass, number>>>;
  /** Classes that the provider does not count (such as `look`). Default none. */
  readonly freeClasses: readonly CallClass[];
  /** What a busy class is sure of when others are busy too; only ratios matter. Default 45, 45, 10. */
  readonly weights: Readonly<Record<'create' | 'look' | 'other', number>>;
  /** Calls a window before anything is known of a limit that is to be learnt; default 60, at least 1. */
  readonly initialRequests: number;
  /** The window that the provider counts over; default 60,000. */
  readonly windowMs: number;
  /**
   * How far apart the delays of two calls may be, from their slot to the provider's counter; default 400.
   * Half of it is for us (timers, clocks), half for the network. It costs `jitterMs / windowMs` of the quota.
   */
  readonly jitterMs: number;
  /** Slots are given out about so far ahead; default 2000. Larger: fewer trips. Smaller: classes adapt sooner. */
  readonly bookMs: number;
  /** Places reach so far; who would come after is told to ask afresh then. Default 120,000. */
  readonly horizonMs: number;
  /** No permit is used when Redis was last heard of longer ago than this; default 1500. */
  readonly contactMs: number;
  /** Share of the quota kept so that a submit or a cancel need not queue at all; default 0.003. */
  readonly headroomShare: number;
}

export const defaultSettings: LimiterSettings = {
  requests: null,
  tokens: null,
  classRequests: {},
  freeClasses: [],
  weights: { create: 45, look: 45, other: 10 },
  initialRequests: 60,
  windowMs: 60_000,
  jitterMs: 400,
  bookMs: 2000,
  horizonMs: 120_000,
  contactMs: 1500,
  headroomShare: 0.003,
};

/** The same in microseconds and flat, as the script gets it. -1 stands for "learnt". */
export interface LimiterTerms {
  readonly windowUs: number;
  readonly jitterUs: number;
  readonly bookUs: number;
  readonly horizonUs: number;
  readonly fenceUs: number;
  readonly headroomShare: number;
  readonly requests: number;
  readonly initialRequests: number;
  readonly tokens: number;
  readonly classRequests: PerClass;
  readonly free: PerClass;
  readonly weights: PerClass;
}

/** How late a slot may still be used, on our side of the network. */
export function latenessMs(settings: LimiterSettings): number {
  return settings.jitterMs / 2;
}

/** Throws a `RangeError` for settings that the guarantee could not hold under. */
export function termsOf(settings: LimiterSettings): LimiterTerms {
  checkSettings(settings);
  const { weights } = settings;
  return {
    windowUs: settings.windowMs * 1000,
    jitterUs: settings.jitterMs * 1000,
    bookUs: Math.min(settings.bookMs, settings.windowMs / 16) * 1000,
    horizonUs: settings.horizonMs * 1000,
    // After a loss of the shared state, slots of the old one can be used until their holders hear of it.
    fenceUs: (settings.contactMs + latenessMs(settings)) * 1000,
    headroomShare: settings.headroomShare,
    requests: settings.requests ?? -1,
    initialRequests: settings.initialRequests,
    tokens: settings.tokens ?? -1,
    classRequests: perClass((name) => settings.classRequests[name] ?? 0),
    free: perClass((name) => (settings.freeClasses.includes(name) ? 1 : 0)),
    weights: perClass((name) => (name === 'submit' || name === 'cancel' ? 0 : weights[name])),
  };
}

function checkSettings(settings: LimiterSettings): void {
  const { windowMs, jitterMs, weights, headroomShare } = settings;
  const quotas = [settings.requests ?? 1, settings.tokens ?? 1, ...Object.values(settings.classRequests)];
  const problems: [boolean, string][] = [
    [!(windowMs >= 1000), 'windowMs must be at least 1000.'],
    [
      !(jitterMs > 0 && jitterMs <= windowMs / 10),
      'jitterMs must be above 0 and at most a tenth of windowMs.',
    ],
    [!(settings.bookMs > 0 && settings.horizonMs > 0), 'bookMs and horizonMs must be above 0.'],
    [!(settings.contactMs > 0), 'contactMs must be above 0.'],
    [!(headroomShare >= 0 && headroomShare <= 0.1), 'headroomShare must be from 0 to 0.1.'],
    [!quotas.every((quota) => Number.isInteger(quota) && quota >= 0), 'A quota is an integer of at least 0.'],
    [!Object.values(weights).every((weight) => weight > 0), 'Weights must be above 0.'],
    [!(settings.initialRequests >= 1), 'initialRequests must be at least 1.'],
  ];
  const wrong = problems.find(([isWrong]) => isWrong);
  if (wrong !== undefined) throw new RangeError(wrong[1]);
}

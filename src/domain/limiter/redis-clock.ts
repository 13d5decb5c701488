/**
 * Redis's clock as seen from here. A reply that says `redisUs` and came at `localUs` (a clock that is never set) bounds
 * the difference from one side: `local − redis ≤ localUs − redisUs`. The least of the last minute is the best estimate,
 * and errs by the fastest reply's way back, always so that slots are used late, never early.
 */

interface Sample {
  readonly localUs: number;
  readonly offsetUs: number;
}

export interface RedisClock {
  /** Ascending in time and in offset: the first is the least that still counts. */
  readonly samples: readonly Sample[];
}

/** Two clocks part by some milliseconds a minute at worst; older samples would be off by more. */
const keepUs = 30_000_000;

export const unknownClock: RedisClock = { samples: [] };

export function heard(clock: RedisClock, redisUs: number, localUs: number): RedisClock {
  const offsetUs = localUs - redisUs;
  const kept = clock.samples.filter(
    (sample) => sample.offsetUs < offsetUs && localUs - sample.localUs < keepUs,
  );
  return { samples: [...kept, { localUs, offsetUs }] };
}

/** Redis's time at the local time `localUs`; null before anything was heard. */
export function redisTimeUs(clock: RedisClock, localUs: number): number | null {
  const [best] = clock.samples;
  return best === undefined ? null : localUs - best.offsetUs;
}

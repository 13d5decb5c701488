import { type BackoffOptions, backoffDelayMs } from '../../src/domain/poll-schedule.ts';
import { SeededRandomness } from './fakes/seeded-randomness.ts';

const draws = 200;

/**
 * How many looks the backoff formula costs a run of this duration: looks are made until one finds it over. Averaged
 * over the jitter, by the formula alone: nothing of the worker's is in it.
 */
export function expectedLooks(options: BackoffOptions, durationMs: number): number {
  const randomness = new SeededRandomness(1);
  let looks = 0;
  for (let draw = 0; draw < draws; draw += 1) {
    for (let n = 0, atMs = 0; ; n += 1) {
      atMs += backoffDelayMs(options, n, randomness.next());
      looks += 1;
      if (atMs >= durationMs) break;
    }
  }
  return looks / draws;
}

/** A run is kept so long after its end, however many there are: whoever waits for it has read it by then. */
export const leastKeptMs = 60_000;

/** What of the ended runs is kept. */
export interface Retention {
  /** Since their end. */
  readonly keepMs: number;
  /** At most so many, the oldest ends go first; Infinity for any number. */
  readonly keepRuns: number;
}

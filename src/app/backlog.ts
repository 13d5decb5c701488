import { BacklogFullError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { RunStore } from '../ports/run-store.ts';

/** A count this old still serves: it costs a trip, and thousands of runs may be accepted in a second. */
const countLifeMs = 500;

/**
 * Keeps the fleet from taking on more than its Redis can hold. Each API process counts for itself, twice a second: several
 * of them may overshoot by what they accept in half a second.
 */
export class Backlog {
  private readonly store: Pick<RunStore, 'counts'>;
  private readonly clock: Clock;
  private readonly limit: number;
  private open = 0;
  private countedAtMs = -Infinity;

  /** `limit`: runs in flight; Infinity for none. */
  constructor(store: Pick<RunStore, 'counts'>, clock: Clock, limit: number) {
    this.store = store;
    this.clock = clock;
    this.limit = limit;
  }

  /** Throws `BacklogFullError` when there is no room for so many more. */
  async admit(runs: number): Promise<void> {
    if (this.limit === Infinity) return;
    if (this.clock.nowMs() - this.countedAtMs > countLifeMs) {
      const { inFlight } = await this.store.counts();
      this.open = Object.values(inFlight).reduce((sum, each) => sum + each, 0);
      this.countedAtMs = this.clock.nowMs();
    }
    if (this.open + runs > this.limit) throw new BacklogFullError(this.limit);
    this.open += runs;
  }
}

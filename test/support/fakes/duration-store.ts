import { StoreUnavailableError } from '../../../src/domain/errors.ts';
import {
  type CountsIncrement,
  type CountsSnapshot,
  DecayedCounts,
} from '../../../src/domain/polling/decayed-counts.ts';
import type { ClassIncrement, ClassSnapshot } from '../../../src/domain/polling/shared-counts.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { DurationStore, SeenClass } from '../../../src/ports/duration-store.ts';

interface Kept {
  readonly slow: DecayedCounts;
  readonly fast: DecayedCounts;
  lastSeenAtMs: number;
}

/** What the fleet knows of durations, in memory. */
export class FakeDurationStore implements DurationStore {
  /** True: every call rejects, as without Redis. */
  unavailable = false;
  /** Every read, in order. */
  readonly reads: (readonly string[])[] = [];
  readonly added: (readonly ClassIncrement[])[] = [];
  private readonly clock: Clock;
  private readonly maxClasses: number;
  private readonly classes = new Map<string, Kept>();

  constructor(clock: Clock, options: { readonly maxClasses?: number } = {}) {
    this.clock = clock;
    this.maxClasses = options.maxClasses ?? 2000;
  }

  async read(classKeys: readonly string[]): Promise<readonly (ClassSnapshot | null)[]> {
    await this.touch();
    this.reads.push(classKeys);
    return classKeys.map((classKey) => {
      const kept = this.classes.get(classKey);
      return kept === undefined ? null : { slow: kept.slow.snapshot(), fast: kept.fast.snapshot() };
    });
  }

  async add(increments: readonly ClassIncrement[]): Promise<void> {
    await this.touch();
    this.added.push(increments);
    for (const { classKey, slow, fast } of increments) {
      const kept = this.classes.get(classKey) ?? fresh();
      this.classes.delete(classKey);
      this.classes.set(classKey, kept);
      kept.lastSeenAtMs = this.clock.nowMs();
      if (isBehind(kept.slow.snapshot(), slow) || isBehind(kept.fast.snapshot(), fast)) continue;
      kept.slow.add(slow);
      kept.fast.add(fast);
    }
    const [oldest] = this.classes.keys();
    if (this.classes.size > this.maxClasses && oldest !== undefined) this.classes.delete(oldest);
  }

  async list(limit: number): Promise<readonly SeenClass[]> {
    await this.touch();
    return [...this.classes]
      .map(([classKey, { lastSeenAtMs }]) => ({ classKey, lastSeenAtMs }))
      .toSorted((a, b) => b.lastSeenAtMs - a.lastSeenAtMs)
      .slice(0, limit);
  }

  /** As after a flush of Redis. */
  clear(): void {
    this.classes.clear();
  }

  private async touch(): Promise<void> {
    await Promise.resolve();
    if (this.unavailable) throw new StoreUnavailableError('The duration store is switched off.');
  }
}

// Any half-life and any length: additions need neither.
function fresh(): Kept {
  return { slow: new DecayedCounts(1, 1000), fast: new DecayedCounts(1, 1000), lastSeenAtMs: 0 };
}

function isBehind({ clock }: CountsSnapshot, increment: CountsIncrement): boolean {
  return increment.clock > clock + increment.clockStep + 1;
}

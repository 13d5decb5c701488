import type { ClassIncrement, ClassSnapshot } from '../domain/polling/shared-counts.ts';

/**
 * The durations that the fleet has seen, by class (see `domain/polling/class-key.ts`).
 *
 * Every method rejects while Redis is unreachable. No run ever waits for one: a read that fails leaves a worker with
 * what it knows (at worst the prior), and a lost `add` is an observation less. What is read may be seconds old.
 *
 * Bounded: classes that nobody has added to for weeks go, and beyond some thousands those not added to for longest.
 */
export interface DurationStore {
  /** In the order asked; null for a class that nobody has observed. */
  read(classKeys: readonly string[]): Promise<readonly (ClassSnapshot | null)[]>;
  /**
   * Additions commute: no lock, no order. What was made for a clock that the class has not reached is left out: the
   * class was lost in the meantime, and such weights would drown all that is learnt from now on.
   */
  add(increments: readonly ClassIncrement[]): Promise<void>;
  /** The classes last added to, newest first. */
  list(limit: number): Promise<readonly SeenClass[]>;
}

export interface SeenClass {
  readonly classKey: string;
  readonly lastSeenAtMs: number;
}

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DurationModel } from '../../../src/domain/polling/duration-model.ts';
import { mergeIncrements } from '../../../src/domain/polling/merge-increments.ts';
import type { ClassIncrement } from '../../../src/domain/polling/shared-counts.ts';
import { quantileMs } from '../../../src/domain/polling/survival.ts';
import type { DurationStore } from '../../../src/ports/duration-store.ts';
import type { ManualClock } from '../../support/fakes/index.ts';

export interface DurationStoreHarness {
  readonly store: DurationStore;
  /** Another process's, on the same data. */
  readonly other: DurationStore;
  readonly clock: ManualClock;
  /** All data is gone, as after a restart of a server without a disk. */
  wipe(): Promise<void>;
  close(): Promise<void>;
}

export interface DurationStoreTraits {
  /** The bound on classes that the harness's store was made with. */
  readonly maxClasses: number;
}

const ended = (ms: number) => ({ type: 'ended', seenMs: ms - 100, afterMs: ms - 100, untilMs: ms }) as const;

function teach(model: DurationModel, classKey: string, ms: number, times: number): ClassIncrement[] {
  return Array.from({ length: times }, () => model.observe([classKey], ended(ms))).flat();
}

function medianMs(model: DurationModel, classKey: string): number {
  return quantileMs(model.estimate([classKey]).curve, 0.5);
}

/** What every `DurationStore` must do; see `src/ports/duration-store.ts`. */
export function durationStoreConformance(
  name: string,
  traits: DurationStoreTraits,
  factory: () => Promise<DurationStoreHarness>,
): void {
  describe(`DurationStore: ${name}`, () => {
    let harness: DurationStoreHarness;
    beforeEach(async () => {
      harness = await factory();
    });
    afterEach(() => harness.close());

    const loaded = async (classKey: string): Promise<DurationModel> => {
      const [snapshot] = await harness.store.read([classKey]);
      const model = new DurationModel();
      if (snapshot !== null && snapshot !== undefined) model.load(classKey, snapshot);
      return model;
    };

    it('knows nothing of a class that nobody has observed, and answers in the order asked', async () => {
      const { store } = harness;
      await store.add(teach(new DurationModel(), 'b', 5000, 1));
      const answers = await store.read(['a', 'b', 'c']);
      expect(answers.map((one) => one !== null)).toEqual([false, true, false]);
      await expect(store.read([])).resolves.toEqual([]);
      await expect(store.add([])).resolves.toBeUndefined();
    });

    it('gives back what one process has learnt, to the digit', async () => {
      const model = new DurationModel();
      await harness.store.add(mergeIncrements(teach(model, 'k', 20_000, 300)));
      const copy = await loaded('k');
      expect(medianMs(copy, 'k')).toBeCloseTo(medianMs(model, 'k'), 3);
      expect(copy.endsSoFar('k')).toBeCloseTo(300, 6);
    });

    it('adds up what many tell at the same time', async () => {
      const { store, other } = harness;
      const told = Array.from({ length: 20 }, () =>
        mergeIncrements(teach(new DurationModel(), 'k', 3000, 10)),
      );
      await Promise.all(told.map((increments, at) => (at % 2 === 0 ? store : other).add(increments)));
      expect((await loaded('k')).endsSoFar('k')).toBeCloseTo(200, 6);
    });

    it('forgets what is older than the epoch before this one', async () => {
      const model = new DurationModel();
      // Half-life 60, 64 half-lives an epoch: three epochs of the fast memory.
      for (let batch = 0; batch < 3; batch += 1) {
        await harness.store.add(mergeIncrements(teach(model, 'k', batch === 0 ? 1000 : 60_000, 4000)));
      }
      const [snapshot] = await harness.store.read(['k']);
      const before = model.snapshot('k');
      expect(snapshot?.fast.clock).toBeCloseTo(before?.fast.clock ?? 0, 6);
      expect(snapshot?.fast.current.length).toBe(before?.fast.current.length);
      expect(medianMs(await loaded('k'), 'k')).toBeCloseTo(medianMs(model, 'k'), 0);
    });

    it('refuses weights that were made for counts that are lost', async () => {
      const model = new DurationModel();
      await harness.store.add(mergeIncrements(teach(model, 'k', 1000, 2000)));
      await harness.wipe();
      await harness.store.add(mergeIncrements(teach(model, 'k', 1000, 10)));
      // Else ten runs would count as 2^33.
      expect((await loaded('k')).endsSoFar('k')).toBe(0);
      await harness.store.add(mergeIncrements(teach(new DurationModel(), 'k', 1000, 10)));
      expect((await loaded('k')).endsSoFar('k')).toBeCloseTo(10, 6);
    });

    it('lists classes, those added to last first', async () => {
      const { store, clock } = harness;
      for (const classKey of ['a', 'b', 'a|m=x', 'b']) {
        clock.advance(1000);
        await store.add(teach(new DurationModel(), classKey, 1000, 1));
      }
      const nowMs = clock.nowMs();
      await expect(store.list(2)).resolves.toEqual([
        { classKey: 'b', lastSeenAtMs: nowMs },
        { classKey: 'a|m=x', lastSeenAtMs: nowMs - 1000 },
      ]);
      await expect(store.list(10)).resolves.toHaveLength(3);
    });

    it('keeps a bounded number of classes: the one not added to for longest goes', async () => {
      const { store, clock } = harness;
      for (let n = 0; n <= traits.maxClasses; n += 1) {
        clock.advance(1000);
        await store.add(teach(new DurationModel(), `k|l=${n}`, 1000, 1));
      }
      await expect(store.list(1000)).resolves.toHaveLength(traits.maxClasses);
      const [first, second] = await store.read(['k|l=0', 'k|l=1']);
      expect([first === null, second === null]).toEqual([true, false]);
    });

    it('takes class keys with everything that can stand in one', async () => {
      const classKey = 'responses|m=gpt-5.1/x@2|e=high|t=pmpt_1+a+b|l=n_ghtly~1a2b';
      await harness.store.add(teach(new DurationModel(), classKey, 1000, 1));
      expect((await harness.store.read([classKey]))[0]).not.toBeNull();
    });
  });
}

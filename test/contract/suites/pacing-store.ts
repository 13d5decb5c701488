import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noNews, withNews } from '../../../src/domain/polling/pacing.ts';
import type { PacingStore } from '../../../src/ports/pacing-store.ts';

export interface PacingStoreHarness {
  readonly store: PacingStore;
  /** Another process's, on the same data. */
  readonly other: PacingStore;
  close(): Promise<void>;
}

const oneArrival = { ...noNews, arrivals: [{ type: 'arrived', latencyMs: 300 }] } as const;

/** What every `PacingStore` must do; see `src/ports/pacing-store.ts`. */
export function pacingStoreConformance(name: string, start: () => Promise<PacingStoreHarness>): void {
  describe(`pacing store: ${name}`, () => {
    let harness: PacingStoreHarness;
    beforeEach(async () => {
      harness = await start();
    });
    afterEach(() => harness.close());

    it('knows nothing of an account before somebody wrote', async () => {
      await expect(harness.store.read('a')).resolves.toBeNull();
    });

    it('gives all processes what one has written, for each account apart', async () => {
      const { store, other } = harness;
      const written = await store.update('a', (before, nowMs) => withNews(before, oneArrival, nowMs));
      await expect(other.read('a')).resolves.toEqual(written);
      await expect(other.read('b')).resolves.toBeNull();
      const seen: unknown[] = [];
      await other.update('a', (before, nowMs) => {
        seen.push(before);
        return withNews(before, noNews, nowMs);
      });
      expect(seen).toEqual([written]);
    });

    it('loses no change, however many write at once', async () => {
      const { store, other } = harness;
      const halves = [store, other].map(async (one) => {
        for (let n = 0; n < 20; n += 1) {
          await one.update('a', (before, nowMs) => withNews(before, oneArrival, nowMs));
        }
      });
      await Promise.all(halves);
      // Each arrival counts as one at most, and the latest ones are forgotten by a thousandth or two.
      const arrived = (await store.read('a'))?.arrival.arrived ?? 0;
      expect(arrived).toBeGreaterThan(35);
    });

    it('tells the time by one clock, which does not stand still', async () => {
      const { store, other } = harness;
      const first = await store.update('a', (before, nowMs) => withNews(before, noNews, nowMs));
      const second = await other.update('a', (before, nowMs) => withNews(before, noNews, nowMs));
      expect(second.atMs).toBeGreaterThanOrEqual(first.atMs);
      expect(first.atMs).toBeGreaterThan(Date.UTC(2025, 0, 1));
    });
  });
}

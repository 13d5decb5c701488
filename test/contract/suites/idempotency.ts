import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IdempotencyKey, IdempotencyStore } from '../../../src/ports/idempotency.ts';

export interface IdempotencyHarness {
  readonly store: IdempotencyStore;
  close(): Promise<void>;
}

const key = (patch: Partial<IdempotencyKey> = {}): IdempotencyKey => ({
  key: 'order-1',
  owner: 'ann',
  bodyHash: 'a'.repeat(64),
  ...patch,
});

/** What every `IdempotencyStore` must do; see `src/ports/idempotency.ts`. */
export function idempotencyConformance(name: string, factory: () => Promise<IdempotencyHarness>): void {
  describe(`IdempotencyStore: ${name}`, () => {
    let harness: IdempotencyHarness;
    beforeEach(async () => {
      harness = await factory();
    });
    afterEach(() => harness.close());

    it('reserves a new key, and tells afterwards whom it stands for', async () => {
      const { store } = harness;
      await expect(store.reserve(key(), 'run-1')).resolves.toEqual({ type: 'new' });
      await expect(store.reserve(key(), 'run-2')).resolves.toMatchObject({ type: 'seen', runId: 'run-1' });
      await expect(store.reserve(key(), 'run-3')).resolves.toMatchObject({ type: 'seen', runId: 'run-1' });
    });

    it('knows whether the run was ever written', async () => {
      const { store } = harness;
      await store.reserve(key(), 'run-1');
      await expect(store.reserve(key(), 'run-2')).resolves.toMatchObject({ isWritten: false });
      await store.confirm(key(), 'run-1');
      const seen = { type: 'seen', runId: 'run-1', isWritten: true };
      await expect(store.reserve(key(), 'run-3')).resolves.toEqual(seen);
      const other = key({ bodyHash: 'b'.repeat(64) });
      await expect(store.reserve(other, 'run-4')).resolves.toEqual({ type: 'mismatch', runId: 'run-1' });
    });

    it('makes no key of one that has expired', async () => {
      await harness.store.confirm(key(), 'run-1');
      await expect(harness.store.reserve(key(), 'run-2')).resolves.toEqual({ type: 'new' });
    });

    it('refuses the same key with another body, and stands by the first', async () => {
      const { store } = harness;
      await store.reserve(key(), 'run-1');
      const other = key({ bodyHash: 'b'.repeat(64) });
      await expect(store.reserve(other, 'run-2')).resolves.toEqual({ type: 'mismatch', runId: 'run-1' });
      await expect(store.reserve(key(), 'run-3')).resolves.toMatchObject({ type: 'seen', runId: 'run-1' });
    });

    it('keeps callers apart, and nobody from everybody', async () => {
      const { store } = harness;
      const owners = ['ann', 'bob', null, 'null', '', 'ann:order-1'];
      for (const [i, owner] of owners.entries())
        await expect(store.reserve(key({ owner }), `run-${i}`)).resolves.toEqual({ type: 'new' });
      for (const [i, owner] of owners.entries())
        await expect(store.reserve(key({ owner }), 'run-x')).resolves.toMatchObject({
          type: 'seen',
          runId: `run-${i}`,
        });
    });

    it('cannot be fooled by separators in names and keys', async () => {
      const { store } = harness;
      const pairs = [
        { owner: 'a:b', key: 'c' },
        { owner: 'a', key: 'b:c' },
        { owner: null, key: 'a:b:c' },
        { owner: '{a}', key: '}b' },
        { owner: '', key: 'null:c' },
        { owner: null, key: 'c' },
      ];
      for (const [i, pair] of pairs.entries())
        await expect(store.reserve(key(pair), `run-${i}`)).resolves.toEqual({ type: 'new' });
    });

    it('takes any text as a key', async () => {
      const { store } = harness;
      for (const text of ['ü😀', ' spaces and\ttabs ', '*', 'x'.repeat(255), 'X'.repeat(255)]) {
        await expect(store.reserve(key({ key: text }), 'run-1')).resolves.toEqual({ type: 'new' });
        await expect(store.reserve(key({ key: text }), 'run-2')).resolves.toMatchObject({ runId: 'run-1' });
      }
    });

    it('lets one of many callers at once be the first', async () => {
      const ids = Array.from({ length: 30 }, (_, i) => `run-${i}`);
      const answers = await Promise.all(ids.map((id) => harness.store.reserve(key(), id)));
      const winners = ids.filter((_, i) => answers[i]?.type === 'new');
      expect(winners).toHaveLength(1);
      const others = answers.filter(({ type }) => type !== 'new');
      expect(new Set(others.map((answer) => JSON.stringify(answer)))).toEqual(
        new Set([JSON.stringify({ type: 'seen', runId: winners[0], isWritten: false })]),
      );
    });
  });
}

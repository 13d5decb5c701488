import { afterEach, beforeEach, expect, it } from 'vitest';
import { InvalidCursorError } from '../../../src/domain/errors.ts';
import type { ListQuery } from '../../../src/ports/run-store.ts';
import { anOutcome, ended, following } from '../../support/fakes/builders.ts';
import { eventually } from '../../support/fakes/eventually.ts';
import { dataNow, type RunStoreFactory, type RunStoreHarness } from './run-store-harness.ts';

export function listConformance(factory: RunStoreFactory): void {
  let harness: RunStoreHarness;
  beforeEach(async () => {
    harness = await factory.create();
  });
  afterEach(() => harness.close());

  /** Runs accepted `agesMs` ago, in this order, named `run-0`, `run-1`, …. */
  async function accept(agesMs: readonly number[]): Promise<string[]> {
    const nowMs = Math.trunc(harness.nowMs());
    const ids = agesMs.map((_, i) => `run-${String(i).padStart(3, '0')}`);
    for (const [i, ageMs] of agesMs.entries()) {
      const data = dataNow(harness, { accepted_at: new Date(nowMs - ageMs).toISOString() });
      await harness.store.add(ids[i] ?? '', data);
    }
    return ids;
  }

  async function idsOf(query: ListQuery): Promise<string[]> {
    const page = await harness.store.list(query);
    return page.runs.map(({ spec }) => spec.id);
  }

  /** All pages, one after the other; as a guard, no more than there can be. */
  async function pages(limit: number): Promise<string[][]> {
    const all: string[][] = [];
    let cursor: string | null = null;
    do {
      const page = await harness.store.list({ limit, ...(cursor === null ? {} : { cursor }) });
      all.push(page.runs.map(({ spec }) => spec.id));
      cursor = page.nextCursor;
    } while (cursor !== null && all.length < 50);
    return all;
  }

  it('is empty where there are no runs', async () => {
    await expect(harness.store.list({ limit: 10 })).resolves.toEqual({ runs: [], nextCursor: null });
  });

  it('tells the newest first, with state and outcome', async () => {
    const ids = await accept([3000, 2000, 1000]);
    await harness.activate('run-001', (activation) => activation.commit(ended(), anOutcome()));
    const page = await eventually(async () => {
      const found = await harness.store.list({ limit: 10 });
      expect(found.runs[1]?.outcome).not.toBeNull();
      return found;
    });
    expect(page.runs.map(({ spec }) => spec.id)).toEqual(ids.toReversed());
    expect(page.nextCursor).toBeNull();
    const { output: _output, ...rest } = anOutcome();
    // Whether the output comes along is the store's choice: views of lists leave it out.
    expect(page.runs[1]).toMatchObject({ state: ended(), outcome: rest });
  });

  it('pages through all runs once each, also where times are equal', async () => {
    const ids = await accept([5000, 5000, 5000, 5000, 3000, 1000, 1000]);
    const found = await pages(2);
    expect(found.map((page) => page.length)).toEqual([2, 2, 2, 1]);
    expect(found.flat().toSorted()).toEqual(ids);
    expect(new Set(found.flat().slice(0, 2))).toEqual(new Set(['run-005', 'run-006']));
    expect(found.flat()[2]).toBe('run-004');
  });

  it('tells the runs of one owner alone, by status too, and forgets nobody’s', async () => {
    for (const [id, owner] of [
      ['run-a', 'ann'],
      ['run-b', 'bob'],
      ['run-c', 'ann'],
      ['run-d', null],
    ] as const)
      await harness.store.add(id, dataNow(harness, { owner }));
    await harness.activate('run-c', (activation) => activation.commit(ended(), anOutcome()));
    expect((await idsOf({ owner: 'ann', limit: 10 })).toSorted()).toEqual(['run-a', 'run-c']);
    await expect(idsOf({ owner: 'ann', status: 'completed', limit: 10 })).resolves.toEqual(['run-c']);
    await expect(idsOf({ owner: 'bob', status: 'accepted', limit: 10 })).resolves.toEqual(['run-b']);
    await expect(idsOf({ owner: 'carol', limit: 10 })).resolves.toEqual([]);
    await expect(idsOf({ limit: 10 })).resolves.toHaveLength(4);
  });

  it('tells dead letters apart, until they are redriven', async () => {
    await accept([3000, 2000, 1000]);
    const died = { ...anOutcome(), status: 'failed' } as const;
    for (const id of ['run-000', 'run-001'])
      await harness.activate(id, (activation) => activation.commit({ ...ended(), status: 'failed' }, died));
    await harness.activate('run-002', (activation) => activation.commit(ended(), anOutcome()));
    await expect(idsOf({ dead: true, limit: 10 })).resolves.toEqual(['run-001', 'run-000']);
    await expect(harness.store.markRedriven('run-000', 'run-new')).resolves.toBe('run-new');
    await expect(harness.store.markRedriven('run-000', 'run-newer')).resolves.toBe('run-new');
    await expect(idsOf({ dead: true, limit: 10 })).resolves.toEqual(['run-001']);
    const { runs } = await harness.store.list({ limit: 10 });
    expect(runs.map(({ redrivenAs }) => redrivenAs)).toEqual([undefined, undefined, 'run-new']);
  });

  it('ends with a null cursor when the last page is full', async () => {
    await accept([4000, 3000, 2000, 1000]);
    const found = await pages(2);
    expect(found.filter((page) => page.length > 0)).toHaveLength(2);
    expect(found.flat()).toHaveLength(4);
  });

  it('neither repeats nor skips when runs arrive between two pages', async () => {
    const ids = await accept([4000, 3000, 2000, 1000]);
    const first = await harness.store.list({ limit: 2 });
    await harness.store.add('run-new', dataNow(harness));
    const second = await harness.store.list({ limit: 2, cursor: first.nextCursor ?? '' });
    const seen = [...first.runs, ...second.runs].map(({ spec }) => spec.id);
    expect(seen).toEqual(ids.toReversed());
  });

  it('filters by kind and by status, open and terminal, also together', async () => {
    const { store } = harness;
    const assistants = dataNow(harness, { kind: 'assistants', request: { assistant_id: 'asst_1' } });
    await accept([4000, 3000, 2000]);
    await store.add('run-asst', assistants);
    await harness.activate('run-000', (activation) => activation.commit(ended(), anOutcome()));
    await harness.activate('run-001', (activation) =>
      activation.park(following({ status: 'queued', wakeAtMs: harness.nowMs() + 3_600_000 })),
    );
    await harness.activate('run-asst', (activation) =>
      activation.park(following({ status: 'queued', wakeAtMs: harness.nowMs() + 3_600_000 })),
    );

    await eventually(async () => {
      await expect(idsOf({ limit: 10, status: 'completed' })).resolves.toEqual(['run-000']);
      await expect(idsOf({ limit: 10, status: 'queued' })).resolves.toEqual(['run-asst', 'run-001']);
      await expect(idsOf({ limit: 10, status: 'accepted' })).resolves.toEqual(['run-002']);
      await expect(idsOf({ limit: 10, status: 'lost' })).resolves.toEqual([]);
      await expect(idsOf({ limit: 10, kind: 'assistants' })).resolves.toEqual(['run-asst']);
      await expect(idsOf({ limit: 10, kind: 'responses', status: 'queued' })).resolves.toEqual(['run-001']);
    });
  });

  it('fills the pages of a filtered list', async () => {
    await accept([9000, 8000, 7000, 6000, 5000, 4000]);
    for (const id of ['run-001', 'run-003', 'run-005'])
      await harness.activate(id, (activation) => activation.commit(ended(), anOutcome()));
    await eventually(async () => {
      const first = await harness.store.list({ limit: 2, status: 'accepted' });
      expect(first.runs.map(({ spec }) => spec.id)).toEqual(['run-004', 'run-002']);
      const second = await harness.store.list({
        limit: 2,
        status: 'accepted',
        cursor: first.nextCursor ?? '',
      });
      expect(second.runs.map(({ spec }) => spec.id)).toEqual(['run-000']);
    });
  });

  it.each(['', 'nonsense', '%%%', '💥', '-1', 'e30'])('refuses the cursor %j', async (cursor) => {
    await accept([1000]);
    const refusal = { name: new InvalidCursorError().name };
    await expect(harness.store.list({ limit: 2, cursor })).rejects.toMatchObject(refusal);
  });
}

import { describe, expect, it } from 'vitest';

import { countCall, LedgerBook } from '../../../src/simulator/ledger.ts';
import type { Tracked } from '../../../src/simulator/ledger.ts';
import { planRun } from '../../../src/simulator/plan.ts';
import type { Outcome } from '../../../src/simulator/plan.ts';

function run(
  id: string,
  given: { outcome?: Outcome; runfleetId?: string; previousId?: string } = {},
): Tracked {
  return {
    kind: 'responses',
    id,
    runfleetId: given.runfleetId ?? null,
    previousId: given.previousId ?? null,
    plan: planRun({
      nowMs: 0,
      queueMs: 0,
      durationMs: 100,
      expiresAfterMs: Infinity,
      outcome: given.outcome ?? 'completed',
    }),
    calls: { 'responses.create': 1 },
  };
}

describe('LedgerBook', () => {
  it('counts calls by operation and result', () => {
    const book = new LedgerBook(0);
    book.answered('runs.create', '200');
    book.answered('runs.create', '429');
    book.answered('runs.create', 'lost_reply');
    book.answered('unknown', '404');
    const ledger = book.read([], 0, false);
    expect(ledger.calls).toEqual({
      'runs.create': { '200': 1, '429': 1, lost_reply: 1 },
      unknown: { '404': 1 },
    });
    expect(ledger).toMatchObject({ callsTotal: 4, throttled: 1 });
  });

  it('tells ended runs from open ones at the moment of reading', () => {
    const book = new LedgerBook(0);
    const runs = [run('a'), run('b', { outcome: 'failed' }), run('c', { outcome: 'never' })];
    for (const one of runs) book.created(one);
    expect(book.read(runs, 50, false).responses).toMatchObject({ created: 3, open: 3, endedByStatus: {} });
    expect(book.read(runs, 100, false).responses).toMatchObject({
      created: 3,
      open: 1,
      endedByStatus: { completed: 1, failed: 1 },
    });
  });

  it('lists every run with its end to the millisecond and its calls', () => {
    const book = new LedgerBook(0);
    const one = run('a', { runfleetId: 'rf' });
    book.created(one);
    countCall(one, 'responses.retrieve');
    countCall(one, 'responses.retrieve');
    expect(book.read([one], 500, true).runs).toEqual([
      {
        id: 'a',
        kind: 'responses',
        runfleetId: 'rf',
        previousId: null,
        status: 'completed',
        createdAtMs: 0,
        endedAtMs: 100,
        calls: { 'responses.create': 1, 'responses.retrieve': 2 },
      },
    ]);
  });

  it('names runs that were created twice, but not the links of one chain', () => {
    const book = new LedgerBook(0);
    book.created(run('a', { runfleetId: 'rf' }));
    book.created(run('b', { runfleetId: 'rf', previousId: 'a' }));
    book.created(run('other', { runfleetId: 'rf2' }));
    expect(book.read([], 0, false).duplicates).toEqual([]);
    book.created(run('c', { runfleetId: 'rf' }));
    book.created(run('d', { runfleetId: 'rf' }));
    expect(book.read([], 0, false).duplicates).toEqual([{ runfleetId: 'rf', runIds: ['a', 'c', 'd'] }]);
  });

  it('keeps the totals of runs whose records are gone', () => {
    const book = new LedgerBook(0);
    const [ended, open] = [run('a'), run('b', { outcome: 'never' })];
    book.created(ended);
    book.created(open);
    book.forgotten(ended, 200);
    book.dropped(open, 200);
    expect(book.read([], 200, false).responses).toEqual({
      created: 2,
      open: 0,
      endedByStatus: { completed: 1, deleted: 1 },
      calls: { 'responses.create': 2 },
    });
  });
});

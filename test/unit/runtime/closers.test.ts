import { expect, it } from 'vitest';
import { Closers } from '../../../src/runtime/closers.ts';

const never = new Promise<never>(() => {});

it('closes in reverse order, whatever fails or hangs, and tells each how long it may take', async () => {
  const problems: string[] = [];
  const closed: string[] = [];
  const toldMs: number[] = [];
  const closers = new Closers((name, error) => problems.push(`${name}: ${String(error)}`));
  closers.add('first', async () => closed.push('first'));
  closers.add('hangs', async (leftMs) => {
    toldMs.push(leftMs);
    await never;
  });
  closers.add('fails', () => Promise.reject(new Error('no')));
  closers.add('last', async (leftMs) => {
    toldMs.push(leftMs);
    closed.push('last');
  });
  await closers.closeAll(0);
  expect(closed).toEqual(['last', 'first']);
  expect(problems).toEqual(['fails: Error: no', 'hangs: Error: not closed within 1000 ms']);
  // Less than the second that each is waited for at least, so that an orderly end comes first.
  expect(toldMs).toEqual([800, 800]);
});

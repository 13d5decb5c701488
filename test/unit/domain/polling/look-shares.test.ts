import { describe, expect, it } from 'vitest';

import { LookShares } from '../../../../src/domain/polling/look-shares.ts';

interface Look {
  readonly classKey: string;
  readonly askedAt: number;
}

/** One permit a tick, to whoever asked first of those that go first, else of the others. Waits in ticks, by class. */
function waits(ticks: number, arrivals: (tick: number) => readonly string[]): Map<string, number[]> {
  const shares = new LookShares();
  const [light, others]: [Look[], Look[]] = [[], []];
  const waited = new Map<string, number[]>();
  for (let tick = 0; tick < ticks; tick += 1) {
    for (const classKey of arrivals(tick))
      (shares.isLight(classKey) ? light : others).push({ classKey, askedAt: tick });
    const next = light.shift() ?? others.shift();
    if (next === undefined) continue;
    shares.permitted(next.classKey);
    waited.set(next.classKey, [...(waited.get(next.classKey) ?? []), tick - next.askedAt]);
  }
  return waited;
}

const repeat = (classKey: string, count: number): string[] => Array.from({ length: count }, () => classKey);

const burst = (tick: number): string[] => [
  ...(tick === 500 ? repeat('batch', 10_000) : tick % 2 === 0 ? ['batch'] : []),
  ...(tick % 10 === 5 ? ['chat'] : []),
];

describe('looks that wait for permits', () => {
  it('of other classes are not held up by ten thousand of one', () => {
    const waited = waits(5000, burst);
    expect(Math.max(...(waited.get('chat') ?? []))).toBeLessThan(5);
    expect(waited.get('chat')?.length).toBe(500);
    // What chat does not need, the burst has.
    expect(waited.get('batch')?.length).toBeGreaterThan(4200);
  });

  it('starve nobody where classes want more than there is', () => {
    const demand = { huge: 2, large: 0.7, small: 0.05 };
    const waited = waits(4000, (tick) =>
      Object.entries(demand).flatMap(([classKey, each]) =>
        repeat(classKey, Math.floor((tick + 1) * each) - Math.floor(tick * each)),
      ),
    );
    const count = (classKey: string): number => waited.get(classKey)?.length ?? 0;
    expect(count('small')).toBeGreaterThan(190);
    expect(count('large')).toBeGreaterThan(1400);
    expect(count('huge')).toBeGreaterThan(1400);
  });

  it('of a class alone, or of classes with equal shares, stay in the order of asking', () => {
    const alone = new LookShares();
    const equal = new LookShares();
    for (let n = 0; n < 5000; n += 1) {
      expect(alone.isLight('any')).toBe(false);
      alone.permitted('any');
      for (const classKey of ['one', 'two', 'three']) equal.permitted(classKey);
      expect(['one', 'two', 'three'].some((classKey) => equal.isLight(classKey))).toBe(false);
    }
  });

  it('of more classes than are held leave those that matter known', () => {
    const shares = new LookShares();
    for (let n = 0; n < 20_000; n += 1) {
      shares.permitted('heavy');
      shares.permitted(`label-${n}`);
    }
    expect(shares.isLight('heavy')).toBe(false);
    expect(shares.isLight('label-19999')).toBe(true);
  });
});

/** Many looks teach in a second; one write a class is enough for all of them. */

import type { CountsIncrement } from './decayed-counts.ts';
import type { ClassIncrement } from './shared-counts.ts';

/** The same additions in as few increments as can be: one a class, but for those on either side of an epoch's end. */
export function mergeIncrements(increments: readonly ClassIncrement[]): readonly ClassIncrement[] {
  const groups = new Map<string, ClassIncrement[]>();
  for (const increment of increments) {
    const key = `${increment.slow.epoch} ${increment.fast.epoch} ${increment.classKey}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [increment]);
    else group.push(increment);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const slow = sumOfIncrements(
      first.slow.epoch,
      group.map((one) => one.slow),
    );
    const fast = sumOfIncrements(
      first.fast.epoch,
      group.map((one) => one.fast),
    );
    return [{ classKey: first.classKey, slow, fast }];
  });
}

function sumOfIncrements(epoch: number, increments: readonly CountsIncrement[]): CountsIncrement {
  const weights = new Map<number, number>();
  let clockStep = 0;
  let clock = 0;
  for (const increment of increments) {
    clockStep += increment.clockStep;
    clock = Math.max(clock, increment.clock);
    for (const [index, weight] of increment.weights) weights.set(index, (weights.get(index) ?? 0) + weight);
  }
  return { epoch, clock, clockStep, weights: [...weights] };
}

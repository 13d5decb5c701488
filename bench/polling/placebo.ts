/** Exponential worlds: the hazard is constant, so a well-chosen fixed gap cannot be beaten. */

import { drawRuns } from './draws.ts';
import { simulate } from './open-world.ts';
import { LearnedPolicy } from './policies.ts';
import { scoreOf } from './score.ts';
import { placeboWorlds } from './worlds.ts';

export interface PlaceboResult {
  readonly world: string;
  /** The learned policy's cost over that of the best fixed gap, on the same draws. Below 0.97 the harness leaks. */
  readonly ratio: number;
}

export const leastHonestRatio = 0.97;

/** The best fixed gap solves e^{hδ} − 1 − hδ = h·c. */
export function bestGap(hazard: number, cost: number): number {
  let low = 0;
  let high = (1 + Math.log1p(hazard * cost)) * 4;
  for (let step = 0; step < 80; step += 1) {
    const middle = (low + high) / 2;
    if (Math.expm1(middle) - middle < hazard * cost) low = middle;
    else high = middle;
  }
  return low / hazard;
}

export function placebos(seed: number, runs: number): PlaceboResult[] {
  return placeboWorlds.map((world) => {
    const of = world.classes[0]?.duration[0]?.of;
    if (of?.type !== 'exponential') throw new Error(`${world.name} is not exponential.`);
    const gapMs = 1000 * bestGap(1 / of.mean, world.cost);
    const draws = drawRuns(world, seed, runs);
    const fixed = {
      name: 'fixed gap',
      scheduleFor: () => ({ delayMs: () => gapMs }),
      learn: () => {},
      found: () => {},
    };
    const [learned, best] = [new LearnedPolicy('learned', false), fixed].map((policy) =>
      scoreOf(simulate(draws, policy, world.cost * 1000), world.cost),
    );
    return { world: world.name, ratio: (learned?.cost ?? Number.NaN) / (best?.cost ?? Number.NaN) };
  });
}

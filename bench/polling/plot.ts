/** The frontier of each policy: looks a run against mean delay, for several prices. */

import { drawRuns } from './draws.ts';
import { simulate } from './open-world.ts';
import { backoff, LearnedPolicy, naive, Optimum, type Policy, sdkHelper } from './policies.ts';
import { scoreOf } from './score.ts';
import type { Dot, Plot } from './svg.ts';
import type { World } from './world.ts';

const prices = [0.1, 0.3, 1, 3, 10, 30];

export function plotOf(world: World, seed: number, runs: number): Plot {
  const draws = drawRuns(world, seed, runs);
  const webhooks = world.webhooks !== undefined;
  const dot = (policy: Policy, cost: number | null): Dot => {
    const found = simulate(draws, policy, (cost ?? 1) * 1000);
    // The first half is there to learn from.
    const { looks, mean } = scoreOf(found.slice(runs / 2), 1);
    return { calls: looks, delay: mean, cost };
  };
  return {
    title: world.name,
    series: [
      { name: 'learned', dots: prices.map((cost) => dot(new LearnedPolicy('learned', webhooks), cost)) },
      { name: 'optimum', dots: prices.map((cost) => dot(new Optimum(), cost)) },
      ...[naive(), sdkHelper(), backoff()].map((policy) => ({
        name: policy.name,
        dots: [dot(policy, null)],
      })),
    ],
  };
}

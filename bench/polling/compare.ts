/** All policies on the same draws. */

import { simulateBudget } from './closed-world.ts';
import { drawRuns } from './draws.ts';
import { simulate } from './open-world.ts';
import { backoff, LearnedPolicy, naive, Optimum, type Policy, sdkHelper } from './policies.ts';
import { subSeed } from './random.ts';
import { type Score, scoreOf } from './score.ts';
import type { World } from './world.ts';

export interface Row {
  readonly policy: string;
  readonly score: Score;
  /** Cost over the optimum's on the same draws: 1 is as good. */
  readonly ratio: number;
}

export interface Comparison {
  readonly world: string;
  readonly costSeconds: number;
  readonly rows: readonly Row[];
}

/** Runs that a warm policy has seen before, of the same world and other draws. */
const trainingRuns = 1500;

/** The webhook arrives also for policies that know nothing of webhooks: it wakes the run whatever the schedule. */
export function compare(world: World, seed: number, runs: number): Comparison {
  const draws = drawRuns(world, seed, runs);
  const costMs = world.cost * 1000;
  const webhooks = world.webhooks !== undefined;
  const warm = new LearnedPolicy('learned, warm', webhooks);
  // Trained on the world before any shift or outage: what comes later must be met unprepared.
  const calm = { ...world, classes: world.classes.map(({ shift: _shift, ...rest }) => rest) };
  if (calm.webhooks !== undefined) calm.webhooks = { ...calm.webhooks, outages: [] };
  simulate(drawRuns(calm, subSeed(seed, -2), trainingRuns), warm, costMs);
  const optimum = scoreOf(simulate(draws, new Optimum(), world.cost * 1000), world.cost);
  const others = [naive(), sdkHelper(), backoff(), new LearnedPolicy('learned, cold', webhooks), warm];
  const rows = others.map((policy) => {
    const score = scoreOf(simulate(draws, policy, costMs), world.cost);
    return { policy: policy.name, score, ratio: score.cost / optimum.cost };
  });
  rows.push({ policy: 'optimum', score: optimum, ratio: 1 });
  return { world: world.name, costSeconds: world.cost, rows };
}

/** A learned policy and the optimum on the same draws, over a stretch of the runs. */
export function costOverOptimum(
  world: World,
  seed: number,
  runs: number,
  from: number,
  to: number,
): { readonly learned: Score; readonly optimum: Score } {
  const draws = drawRuns(world, seed, runs);
  const of = (policy: Policy): Score =>
    scoreOf(simulate(draws, policy, world.cost * 1000).slice(from, to), world.cost);
  return {
    learned: of(new LearnedPolicy('learned', world.webhooks !== undefined)),
    optimum: of(new Optimum()),
  };
}

export interface FleetRow extends Row {
  readonly used: number;
  readonly worstWindow: number;
  readonly priceSeconds: number;
  readonly reviews: number;
}

export interface FleetComparison {
  readonly world: string;
  readonly rows: readonly FleetRow[];
}

/** First in, first out by the backoff's due time, against the learned schedule at the fleet's price. */
export function compareFleet(world: World, seed: number): FleetComparison {
  const entries: readonly (readonly [string, Policy, boolean])[] = [
    ['FIFO backoff', backoff(), false],
    ['learned, tickets alone', new LearnedPolicy('learned', false), false],
    ['learned, priced', new LearnedPolicy('learned', false), true],
    ['optimum, priced', new Optimum(), true],
  ];
  const results = entries.map(([policy, made, priced]) => ({
    policy,
    result: simulateBudget(world, seed, made, priced),
  }));
  const scored = results.map(({ policy, result }) => ({
    policy,
    score: scoreOf(result.found, world.cost),
    used: result.used,
    worstWindow: result.worstWindow,
    priceSeconds: result.priceSeconds,
    reviews: result.reviews,
  }));
  // Under a budget calls cost the same for all, so the delay alone is compared.
  const best = scored.at(-1)?.score.mean ?? Number.NaN;
  return {
    world: world.name,
    rows: scored.map((row) => Object.assign(row, { ratio: row.score.mean / best })),
  };
}

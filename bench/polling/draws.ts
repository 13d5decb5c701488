/** The runs of a world, drawn once: every policy meets the same ones. */

import { drawSeconds, type Distribution } from './distribution.ts';
import { randomFrom, subSeed } from './random.ts';
import type { World, WorldClass } from './world.ts';

export interface DrawnRun {
  readonly index: number;
  readonly classKey: string;
  readonly distribution: Distribution;
  readonly startMs: number;
  readonly durationMs: number;
  /** After the end; null when none arrives. */
  readonly webhookAfterMs: number | null;
  /** The true chance of a webhook at that time, which only the optimum knows. */
  readonly webhookChance: number;
}

/** The mean of a distribution, with the longest hundredth cut off: it only sets how many runs go at once. */
function meanSeconds(distribution: Distribution, seed: number): number {
  const random = randomFrom(seed);
  const draws = Array.from({ length: 2000 }, () => drawSeconds(distribution, random)).sort((a, b) => a - b);
  return draws.slice(0, 1980).reduce((sum, draw) => sum + draw, 0) / 1980;
}

/** `startMs` is 0 in a closed world, whose runs start when others end. */
export function drawRun(world: World, seed: number, index: number, total: number, startMs: number): DrawnRun {
  const random = randomFrom(subSeed(seed, index));
  const progress = index / total;
  const chosen = chooseClass(world, random());
  const { shift } = chosen;
  const distribution = shift !== undefined && progress >= shift.at ? shift.duration : chosen.duration;
  const durationMs = drawSeconds(distribution, random) * 1000;
  const { webhooks } = world;
  const outage = webhooks?.outages.some(({ from, to }) => progress >= from && progress < to) ?? false;
  const webhookChance = webhooks === undefined || outage ? 0 : webhooks.chance;
  const arrives = random() < webhookChance;
  const latencyMs = -(webhooks?.latency ?? 0) * 1000 * Math.log(1 - random());
  const webhookAfterMs = arrives ? latencyMs : null;
  return {
    index,
    classKey: chosen.key,
    distribution,
    startMs,
    durationMs,
    webhookAfterMs,
    webhookChance,
  };
}

export function drawRuns(world: World, seed: number, total: number): DrawnRun[] {
  const means = world.classes.map((one) => one.weight * meanSeconds(one.duration, seed));
  const weight = world.classes.reduce((sum, one) => sum + one.weight, 0);
  const gapMs = (1000 * means.reduce((sum, mean) => sum + mean, 0)) / weight / world.inFlight;
  const random = randomFrom(subSeed(seed, -1));
  let startMs = 0;
  return Array.from({ length: total }, (_, index) => {
    startMs += -gapMs * Math.log(1 - random());
    return drawRun(world, seed, index, total, startMs);
  });
}

/** All within a moment, as a batch is sent. */
export function drawBatch(world: World, seed: number, total: number, apartMs: number): DrawnRun[] {
  return Array.from({ length: total }, (_, index) => drawRun(world, seed, index, total, index * apartMs));
}

function chooseClass(world: World, draw: number): WorldClass {
  let left = draw * world.classes.reduce((sum, one) => sum + one.weight, 0);
  let [chosen] = world.classes;
  for (const one of world.classes) {
    chosen = one;
    left -= one.weight;
    if (left < 0) break;
  }
  if (chosen === undefined) throw new Error(`World ${world.name} has no class.`);
  return chosen;
}

/** The worlds of the benchmark: the four of the table, those drawn at random, placebos, and fleets under a budget. */

import type { Component, Distribution } from './distribution.ts';
import { randomFrom, subSeed } from './random.ts';
import { parseWorld, type World } from './world.ts';

const lognormal = (median: number, sigma: number): Component => ({ type: 'lognormal', median, sigma });
const only = (of: Component): Distribution => [{ weight: 1, of }];

const short = only(lognormal(4, 0.8));
/** The spread is not published; 0.25 reproduces the published optimum within 2 %. */
const bimodal = [
  { weight: 0.6, of: lognormal(2, 0.25) },
  { weight: 0.4, of: lognormal(40, 0.25) },
];
const long = only(lognormal(300, 0.6));
const pareto = only({ type: 'pareto', minimum: 2, alpha: 1.5 });

const single = (name: string, duration: Distribution): World =>
  parseWorld({ name, classes: [{ key: name, duration }] });

export const namedWorlds: readonly World[] = [
  single('lognormal 4 s σ.8', short),
  single('bimodal 2/40 s', bimodal),
  single('lognormal 300 s σ.6', long),
  single('Pareto 2 s α1.5', pareto),
];

export const shiftWorlds: readonly World[] = [
  { name: 'shift 4 s → 12 s', from: short, to: only(lognormal(12, 0.8)) },
  { name: 'shift 4 s → 300 s', from: short, to: long },
  { name: 'shift 300 s → 4 s', from: long, to: short },
].map(({ name, from, to }) =>
  parseWorld({ name, classes: [{ key: name, duration: from, shift: { at: 0.5, duration: to } }] }),
);

/** `outageFrom`: the share of the runs after which no webhook arrives. */
export function webhookWorld(cost: number, inFlight: number, outageFrom: number): World {
  return parseWorld({
    name: `webhooks, 300 s, c ${cost} s, ${inFlight} in flight`,
    cost,
    inFlight,
    classes: [{ key: 'webhooks', duration: long }],
    webhooks: { chance: 0.99, outages: outageFrom < 1 ? [{ from: outageFrom, to: 1 }] : [] },
  });
}

/** A fleet that has learnt nothing, and runs of up to so many seconds; nearly all of their webhooks arrive. */
export function coldWorld(seconds: number): World {
  return parseWorld({
    name: `cold, webhooks, up to ${seconds} s`,
    classes: [{ key: 'cold', duration: only({ type: 'uniform', low: 0, high: seconds }) }],
    webhooks: { chance: 0.99, latency: 0.1 },
  });
}

/** Nothing beats a well-chosen fixed gap where the hazard is constant: more means that the harness leaks. */
export const placeboWorlds: readonly World[] = [2, 20, 200].map((mean) =>
  single(`placebo: exponential ${mean} s`, only({ type: 'exponential', mean })),
);

const mixedClasses = [
  { key: 'short', weight: 0.6, duration: short },
  { key: 'bimodal', weight: 0.25, duration: bimodal },
  { key: 'long', weight: 0.15, duration: long },
];

/**
 * `published`: as many runs are going at all times, found or not, and creates are free. Of all readings that were tried
 * this one gives POLLING.md's FIFO baselines, both of them, with POLLING.md's own classes; docs/polling.md tells how
 * near. `harder`: a run counts until it is found, and creates use the quota.
 */
export const fleetWorlds = {
  mixed: {
    published: parseWorld({
      name: 'mixed fleet',
      inFlight: 1000,
      classes: mixedClasses,
      budget: { rpm: 3000, replaces: 'ended', countsCreates: false, seconds: 2400, warmUp: 1500 },
    }),
    harder: parseWorld({
      name: 'mixed fleet, creates count',
      inFlight: 1000,
      classes: mixedClasses,
      budget: { rpm: 3000, seconds: 2400, warmUp: 1500 },
    }),
  },
  long: parseWorld({
    name: '10,000 long runs',
    inFlight: 10_000,
    classes: [{ key: 'long', duration: long }],
    budget: { rpm: 10_000, replaces: 'ended', countsCreates: false, seconds: 2400, warmUp: 1500 },
  }),
} as const;

/** The quota halves, as another tenant comes and goes. */
export const stepFleet: World = parseWorld({
  name: 'mixed fleet, quota halved and back',
  inFlight: 1000,
  classes: mixedClasses,
  budget: {
    rpm: 3000,
    seconds: 2400,
    warmUp: 900,
    steps: [
      { at: 1200, rpm: 1500 },
      { at: 1800, rpm: 3000 },
    ],
  },
});

/** A world drawn at random: one to four components, medians log-uniform 0.3–1800 s. */
export function randomWorld(seed: number, index: number): World {
  const random = randomFrom(subSeed(seed, index));
  const logUniform = (low: number, high: number): number => low * Math.exp(random() * Math.log(high / low));
  const component = (): Component => {
    const median = logUniform(0.3, 1800);
    switch (Math.floor(random() * 6)) {
      case 0:
        return lognormal(median, 0.2 + random());
      case 1:
        return { type: 'gamma', median, shape: logUniform(0.6, 20) };
      case 2:
        return { type: 'weibull', median, shape: logUniform(0.6, 5) };
      case 3: {
        const alpha = 1.1 + 2 * random();
        return { type: 'pareto', alpha, minimum: median / 2 ** (1 / alpha) };
      }
      case 4: {
        const width = 0.1 + 0.9 * random();
        return { type: 'uniform', low: median * (1 - width), high: median * (1 + width) };
      }
      default:
        return { type: 'fixed', median, spread: logUniform(0.002, 0.05) };
    }
  };
  const draw = (): Distribution =>
    Array.from({ length: 1 + Math.floor(random() * 4) }, () => ({ weight: 0.1 + random(), of: component() }));
  const key = `random ${index}`;
  const duration = draw();
  // Every third world shifts; every fourth has webhooks that fail for a while.
  const shift = index % 3 === 2 ? { shift: { at: 0.6, duration: draw() } } : {};
  const chance = 0.8 + 0.2 * random();
  const webhooks = index % 4 === 3 ? { webhooks: { chance, outages: [{ from: 0.5, to: 0.7 }] } } : {};
  return parseWorld({ name: key, classes: [{ key, duration, ...shift }], ...webhooks });
}

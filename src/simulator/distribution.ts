import * as z from 'zod';

import type { Random } from './random.ts';

/** How long something takes, in milliseconds. */
export type Distribution =
  | { type: 'fixed'; ms: number }
  | { type: 'uniform'; minMs: number; maxMs: number }
  /** `sigma` is the spread of the logarithm: 0.5 is mild, 1 is wide. */
  | { type: 'lognormal'; medianMs: number; sigma: number }
  /** Two humps: a share `slowShare` (0–1) lies around `slowMs`, the rest around `fastMs`. */
  | { type: 'bimodal'; fastMs: number; slowMs: number; slowShare: number; sigma?: number }
  /** A heavy tail: never below `minMs`; the smaller `alpha`, the heavier the tail (1–3 is usual). */
  | { type: 'pareto'; minMs: number; alpha: number; maxMs?: number }
  | { type: 'mixture'; parts: { weight: number; distribution: Distribution }[] };

/** No draw is longer than this: a heavy tail would otherwise reach past what a timer can hold. */
export const LONGEST_DRAW_MS = 24 * 60 * 60 * 1000;

const ms = z.number().min(0);

export const distributionSchema: z.ZodType<Distribution> = z.lazy(() =>
  z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('fixed'), ms }),
    z
      .strictObject({ type: z.literal('uniform'), minMs: ms, maxMs: ms })
      .refine((d) => d.minMs <= d.maxMs, 'minMs must not be above maxMs'),
    z.strictObject({ type: z.literal('lognormal'), medianMs: ms, sigma: z.number().min(0) }),
    z.strictObject({
      type: z.literal('bimodal'),
      fastMs: ms,
      slowMs: ms,
      slowShare: z.number().min(0).max(1),
      sigma: z.number().min(0).exactOptional(),
    }),
    z.strictObject({
      type: z.literal('pareto'),
      minMs: ms,
      alpha: z.number().positive(),
      maxMs: ms.exactOptional(),
    }),
    z.strictObject({
      type: z.literal('mixture'),
      parts: z
        .array(z.strictObject({ weight: z.number().positive(), distribution: distributionSchema }))
        .nonempty(),
    }),
  ]),
);

/** A standard normal draw (Box–Muller; 1 − u keeps the logarithm finite). */
function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

function lognormal(medianMs: number, sigma: number, random: Random): number {
  return medianMs * Math.exp(sigma * gaussian(random));
}

function draw(distribution: Distribution, random: Random): number {
  switch (distribution.type) {
    case 'fixed':
      return distribution.ms;
    case 'uniform':
      return distribution.minMs + (distribution.maxMs - distribution.minMs) * random.next();
    case 'lognormal':
      return lognormal(distribution.medianMs, distribution.sigma, random);
    case 'bimodal': {
      const medianMs = random.next() < distribution.slowShare ? distribution.slowMs : distribution.fastMs;
      return lognormal(medianMs, distribution.sigma ?? 0.25, random);
    }
    case 'pareto': {
      const drawn = distribution.minMs / (1 - random.next()) ** (1 / distribution.alpha);
      return Math.min(drawn, distribution.maxMs ?? LONGEST_DRAW_MS);
    }
    case 'mixture': {
      const total = distribution.parts.reduce((sum, part) => sum + part.weight, 0);
      let left = random.next() * total;
      for (const part of distribution.parts) {
        left -= part.weight;
        if (left < 0) return draw(part.distribution, random);
      }
      const last = distribution.parts.at(-1);
      return last === undefined ? 0 : draw(last.distribution, random);
    }
    default: {
      const never: never = distribution;
      return never;
    }
  }
}

/** One draw in whole milliseconds, 0 to {@link LONGEST_DRAW_MS}. */
export function sampleMs(distribution: Distribution, random: Random): number {
  return Math.min(Math.round(draw(distribution, random)), LONGEST_DRAW_MS);
}

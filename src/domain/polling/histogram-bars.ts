/** A survival curve as a few bars, for the eye. */

import { at } from './buckets.ts';
import { quantileMs, survivalAt, type SurvivalCurve } from './survival.ts';

export interface Bar {
  readonly fromMs: number;
  readonly toMs: number;
  /** Of all runs. */
  readonly share: number;
}

const barCount = 24;
/** What lies outside is not drawn: half a percent on either side would stretch the rest to nothing. */
const outside = 0.005;

/** Bars of equal width on a logarithmic axis, from the 0.5 % to the 99.5 % quantile. */
export function histogramBars(curve: SurvivalCurve): readonly Bar[] {
  const lowMs = Math.max(at(curve.agesMs, 1), quantileMs(curve, outside));
  const highMs = Math.max(lowMs * 1.5, quantileMs(curve, 1 - outside));
  const edge = (bar: number): number => lowMs * (highMs / lowMs) ** (bar / barCount);
  return Array.from({ length: barCount }, (_, bar) => {
    const fromMs = edge(bar);
    const toMs = edge(bar + 1);
    return { fromMs, toMs, share: Math.max(0, survivalAt(curve, fromMs) - survivalAt(curve, toMs)) };
  });
}

/** What the fleet has learnt of how long runs take, for people. */

import { chainOfKey } from '../domain/polling/class-key.ts';
import { DurationModel } from '../domain/polling/duration-model.ts';
import { histogramBars } from '../domain/polling/histogram-bars.ts';
import { quantileMs } from '../domain/polling/survival.ts';
import type { DurationClass, DurationList } from '../domain/wire/durations.ts';
import type { DurationStore, SeenClass } from '../ports/duration-store.ts';

/** The classes last seen, newest first. Throws what the store throws. */
export async function durations(store: DurationStore, limit: number): Promise<DurationList> {
  const seen = await store.list(limit);
  const classKeys = [...new Set(seen.flatMap(({ classKey }) => chainOfKey(classKey)))];
  const snapshots = await store.read(classKeys);
  const model = new DurationModel({ maxClasses: classKeys.length + 1 });
  const known = new Set<string>();
  for (const [at, classKey] of classKeys.entries()) {
    const snapshot = snapshots[at] ?? null;
    if (snapshot === null) continue;
    model.load(classKey, snapshot);
    known.add(classKey);
  }
  return {
    object: 'list',
    data: seen.filter(({ classKey }) => known.has(classKey)).map((one) => classView(model, one)),
  };
}

function classView(model: DurationModel, { classKey, lastSeenAtMs }: SeenClass): DurationClass {
  const { curve, evidence, fastShare } = model.estimate(chainOfKey(classKey));
  const quantile = (q: number): number => quantileMs(curve, q) / 1000;
  return {
    class: classKey,
    runs: Math.round(model.endsSoFar(classKey)),
    evidence,
    shifted: fastShare > 0.5,
    p10_seconds: quantile(0.1),
    p50_seconds: quantile(0.5),
    p90_seconds: quantile(0.9),
    p99_seconds: quantile(0.99),
    last_seen_at: new Date(lastSeenAtMs).toISOString(),
    histogram: histogramBars(curve).map(({ fromMs, toMs, share }) => ({
      from_seconds: fromMs / 1000,
      to_seconds: toMs / 1000,
      share,
    })),
  };
}

/** What this process believes of how long runs take: one memory a class, each backed off to its parent. */

import { ClassCounts, type ClassEstimate, slowHalfLife } from './class-counts.ts';
import type { ClassIncrement, ClassSnapshot } from './shared-counts.ts';
import { priorMasses, survivalAtAge, survivalOf } from './histogram.ts';
import type { SparseWeights } from './decayed-counts.ts';
import type { Exposure } from './in-flight.ts';
import { evenShapes } from './fine-shape.ts';
import type { DurationObservation } from './life-table.ts';
import { curveOfMasses, type SurvivalCurve } from './survival.ts';

/** From the narrowest class to the widest; never empty. See `class-key.ts`. */
export type ClassChain = readonly [string, ...string[]];

export interface DurationModelOptions {
  /** The median of a run of which nothing is known; default 10 s. */
  readonly priorMedianMs: number;
  /** What the prior, or a parent, weighs against a class without observations; default 8. */
  readonly priorWeight: number;
  /** Classes held at once; the one not used for longest goes first; default 500. */
  readonly maxClasses: number;
}

export const defaultDurationModel: DurationModelOptions = {
  priorMedianMs: 10_000,
  priorWeight: 8,
  maxClasses: 500,
};

export interface DurationEstimate extends ClassEstimate {
  readonly curve: SurvivalCurve;
}

interface Held {
  readonly counts: ClassCounts;
  /** Observations since the beginning, each by how much it tells: an end is 1, a miss the chance that it was not. */
  news: number;
  cached: Cached | null;
  /** What runs in flight add to the counters. */
  exposed: SparseWeights | null;
  /** Ends that were seen here, and those that came from others, since it is held. */
  own: number;
  others: number;
  loaded: boolean;
}

interface Cached {
  readonly estimate: DurationEstimate;
  /** The news, of the class and of its parents, that it is made of. */
  readonly ownNews: number;
  readonly parentNews: number;
}

/** An estimate is made anew after this share of news, and after this much at the latest. */
const staleShare = 0.02;
const staleAfter = 5;
/** Runs in flight that are fewer than this share of the ends that are remembered tell nothing new. */
const tellingShare = 0.1;
/** Below so many observations a class changes with every look. */
const youngEvidence = 50;

export class DurationModel {
  private readonly options: DurationModelOptions;
  private readonly prior: Float64Array;
  private readonly classes = new Map<string, Held>();

  constructor(options: Partial<DurationModelOptions> = {}) {
    this.options = { ...defaultDurationModel, ...options };
    this.prior = priorMasses(this.options.priorMedianMs);
  }

  /** Learns from one look, at every level of its chain. Returns what the rest of the fleet should be told. */
  observe(chain: ClassChain, observation: DurationObservation): readonly ClassIncrement[] {
    if (!isUsable(observation)) return [];
    const believed = this.estimate(chain);
    const news = newsOf(observation, believed);
    return chain.map((classKey, level) => {
      const held = this.hold(classKey);
      const increment = held.counts.increment(classKey, observation, believed, level === 0);
      held.counts.add(increment);
      held.news += news;
      held.own += observation.type === 'ended' ? 1 : 0;
      return increment;
    });
  }

  /** Takes over what the fleet knows of a class, in place of what this process knew. */
  load(classKey: string, snapshot: ClassSnapshot): void {
    const held = this.hold(classKey);
    const endsBefore = held.counts.endsSoFar();
    held.counts.load(snapshot);
    // What was there at first tells nothing of how many there are who see ends now.
    if (held.loaded) held.others += Math.max(0, held.counts.endsSoFar() - endsBefore);
    held.loaded = true;
    // Of young classes, misses are news too; of old ones, what others saw end says enough.
    const young = (held.cached?.estimate.evidence ?? 0) < youngEvidence;
    held.news += young ? staleAfter : Math.abs(held.counts.endsSoFar() - endsBefore);
  }

  /** Adds again what was observed here since the snapshot that was loaded. */
  add(increment: ClassIncrement): void {
    this.hold(increment.classKey).counts.add(increment);
  }

  /**
   * Runs of a class that are in flight here, and in no counter yet. The others' are as many as their ends say. Few beside
   * what is known of the class change nothing.
   */
  expose(classKey: string, exposure: Exposure | null): void {
    const held = this.hold(classKey);
    const fleet = held.own === 0 ? 1 : (held.own + held.others) / held.own;
    const known = Math.min(held.counts.endsSoFar(), slowHalfLife);
    const telling = exposure !== null && exposure.runs * fleet > tellingShare * known;
    if (!telling && held.exposed === null) return;
    held.exposed = telling ? exposure.shares.map(([index, share]) => [index, share * fleet] as const) : null;
    held.news += staleAfter;
  }

  /** Runs of a class that ended since it was first seen. */
  endsSoFar(classKey: string): number {
    return this.classes.get(classKey)?.counts.endsSoFar() ?? 0;
  }

  has(classKey: string): boolean {
    return this.classes.has(classKey);
  }

  snapshot(classKey: string): ClassSnapshot | null {
    return this.classes.get(classKey)?.counts.snapshot() ?? null;
  }

  /** The same object until there is news worth a new one. */
  estimate(chain: ClassChain): DurationEstimate {
    const [classKey, ...parents] = chain;
    const held = this.hold(classKey);
    const parentNews = parents.reduce((sum, parent) => sum + this.hold(parent).news, 0);
    if (held.cached !== null && !isStale(held.cached, held.news, parentNews)) return held.cached.estimate;
    const made = this.make(chain);
    const estimate = { ...made, curve: curveOfMasses(made.masses, held.counts.shapes()) };
    held.cached = { estimate, ownNews: held.news, parentNews };
    return estimate;
  }

  /** As `estimate`, but for what runs in flight add. */
  curveOfTold(chain: ClassChain): SurvivalCurve {
    const { priorWeight } = this.options;
    const { masses } = this.narrowed(chain, ({ counts }, parent) =>
      counts.estimateOfTold(parent.masses, priorWeight),
    );
    return curveOfMasses(masses, evenShapes);
  }

  private make(chain: ClassChain): ClassEstimate {
    const { priorWeight } = this.options;
    return this.narrowed(chain, ({ counts, exposed }, parent) =>
      counts.estimate(parent.masses, priorWeight, exposed ?? []),
    );
  }

  /** From the prior down to the narrowest class. */
  private narrowed(
    chain: ClassChain,
    narrow: (held: Held, parent: ClassEstimate) => ClassEstimate,
  ): ClassEstimate {
    let parent: ClassEstimate = {
      masses: this.prior,
      survival: survivalOf(this.prior),
      evidence: 0,
      fastShare: 0,
    };
    for (const classKey of chain.toReversed()) parent = narrow(this.hold(classKey), parent);
    return parent;
  }

  private hold(classKey: string): Held {
    const held = this.classes.get(classKey) ?? {
      counts: new ClassCounts(),
      news: 0,
      cached: null,
      exposed: null,
      own: 0,
      others: 0,
      loaded: false,
    };
    // A map keeps the order of insertion, so the first is the one not used for longest.
    this.classes.delete(classKey);
    this.classes.set(classKey, held);
    if (this.classes.size > this.options.maxClasses) {
      const [oldest] = this.classes.keys();
      if (oldest !== undefined) this.classes.delete(oldest);
    }
    return held;
  }
}

function isStale(cached: Cached, ownNews: number, parentNews: number): boolean {
  const { evidence } = cached.estimate;
  const news = ownNews - cached.ownNews;
  if (news >= Math.min(staleAfter, Math.max(1, staleShare * evidence))) return true;
  // A parent counts the less, the more is known of the class itself.
  return parentNews - cached.parentNews > Math.max(staleAfter, evidence);
}

function newsOf(observation: DurationObservation, believed: ClassEstimate): number {
  if (observation.type === 'ended') return 1;
  const seen = survivalAtAge(believed.survival, observation.seenMs);
  return seen <= 0 ? 1 : 1 - survivalAtAge(believed.survival, observation.untilMs) / seen;
}

function isUsable(observation: DurationObservation): boolean {
  const { seenMs, untilMs } = observation;
  const afterMs = observation.type === 'ended' ? observation.afterMs : seenMs;
  return seenMs >= 0 && afterMs >= seenMs && untilMs >= afterMs && untilMs < Infinity;
}

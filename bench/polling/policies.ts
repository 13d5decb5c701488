/** The policies that are compared. Each sees what the API shows, but for the optimum, which knows the world. */

import { backoffSchedule, defaultBackoff, type PollSchedule } from '../../src/domain/poll-schedule.ts';
import { type ClassChain, DurationModel } from '../../src/domain/polling/duration-model.ts';
import {
  defaultGuard,
  learnedSchedule,
  reviewedSchedule,
} from '../../src/domain/polling/learned-schedule.ts';
import { InFlight } from '../../src/domain/polling/in-flight.ts';
import type { DurationObservation } from '../../src/domain/polling/life-table.ts';
import { lookTable } from '../../src/domain/polling/look-table.ts';
import {
  freshPacing,
  noNews,
  type PacingNews,
  type PacingState,
  withNews,
} from '../../src/domain/polling/pacing.ts';
import { effectiveCostMs, Planner } from '../../src/domain/polling/planner.ts';
import { silenceAtReview, silenceTakenBack } from '../../src/domain/polling/silence.ts';
import { refined } from '../../src/domain/polling/survival.ts';
import {
  arrivalChance,
  type ArrivalEvidence,
  provenChance,
  learnArrival,
} from '../../src/domain/polling/webhook-arrival.ts';
import { curveOf, type Distribution } from './distribution.ts';
import type { DrawnRun } from './draws.ts';
import type { Found } from './simulated-run.ts';

/** So often the fleet's workers tell each other how webhooks arrive. */
const syncMs = 1000;

export interface Policy {
  readonly name: string;
  /** `scarcity`: how many times as dear a look is while the quota is short. */
  scheduleFor(run: DrawnRun, costMs: number, scarcity?: number): PollSchedule;
  /** Before every look: what it teaches. */
  learn(run: DrawnRun, lesson: () => DurationObservation | null): void;
  found(found: Found): void;
  /** The clock, before anything that happens. */
  at?(nowMs: number): void;
  started?(run: DrawnRun): void;
  /** Its first look. */
  looked?(run: DrawnRun): void;
  /** No webhook has come for this long since the look at `ageMs`; now it was put off again, or is looked at. */
  silent?(run: DrawnRun, then: 'review' | 'look', ageMs: number, sinceMs: number): void;
}

function blind(name: string, schedule: PollSchedule): Policy {
  return { name, scheduleFor: () => schedule, learn: () => {}, found: () => {} };
}

export const naive = (): Policy => blind('every 1 s', { delayMs: () => 1000 });

/** openai-node's `.poll()`: retrieve at once, then every 5 s. */
export const sdkHelper = (): Policy =>
  blind('SDK helper', { delayMs: ({ looks }) => (looks === 0 ? 1 : 5000) });

export const backoff = (): Policy => blind('backoff 0.5×1.5≤5', backoffSchedule(defaultBackoff));

export class LearnedPolicy implements Policy {
  readonly name: string;
  private readonly model = new DurationModel();
  private readonly planner = new Planner(this.model);
  private readonly webhooks: boolean;
  private pacing: PacingState = freshPacing;
  private news: PacingNews = noNews;
  /** With what has come since the last exchange. */
  private arrival = freshPacing.arrival;
  private readonly inFlight = new InFlight();
  private costMs = 0;
  private nowMs = 0;

  constructor(name: string, webhooks: boolean) {
    this.name = name;
    this.webhooks = webhooks;
  }

  scheduleFor(run: DrawnRun, costMs: number, scarcity = 1): PollSchedule {
    this.costMs = costMs;
    const { arrival } = this;
    const webhookChance = this.webhooks ? arrivalChance(arrival) : 0;
    const chain: ClassChain = [run.classKey, 'kind'];
    if (this.webhooks) this.inFlight.show(this.model, chain, this.nowMs, provenChance(arrival));
    return this.planner.scheduleFor({ chain, costMs, scarcity, webhookChance });
  }

  at(nowMs: number): void {
    this.nowMs = nowMs;
    if (nowMs - this.pacing.atMs < syncMs) return;
    this.pacing = withNews(this.pacing, this.news, nowMs);
    this.news = noNews;
    this.arrival = this.pacing.arrival;
  }

  started(run: DrawnRun): void {
    this.inFlight.started([run.classKey, 'kind'], run.startMs);
  }

  looked(run: DrawnRun): void {
    this.inFlight.looked([run.classKey, 'kind'], run.startMs);
  }

  learn(run: DrawnRun, lesson: () => DurationObservation | null): void {
    const observation = lesson();
    if (observation !== null) this.model.observe([run.classKey, 'kind'], observation);
  }

  silent(run: DrawnRun, then: 'review' | 'look', ageMs: number, sinceMs: number): void {
    if (!this.webhooks) return;
    const chain: ClassChain = [run.classKey, 'kind'];
    const schedule = this.planner.scheduleFor({ chain, costMs: this.costMs, webhookChance: 0 });
    const plainMs = schedule.delayMs({ ageMs, looks: 0, random: 0.5 });
    const silence = then === 'review' ? silenceAtReview : silenceTakenBack;
    const expectedEnds = silence(this.model.estimate(chain), { ageMs, sinceMs, plainMs });
    this.news = { ...this.news, silentEnds: this.news.silentEnds + expectedEnds };
  }

  found(found: Found): void {
    if (!this.webhooks) return;
    const evidence: ArrivalEvidence =
      found.foundBy === 'webhook'
        ? { type: 'arrived', latencyMs: found.seenDelayMs }
        : { type: 'missed', silentMs: found.seenDelayMs };
    this.news = { ...this.news, arrivals: [...this.news.arrivals, evidence] };
    this.arrival = learnArrival(this.arrival, evidence);
  }
}

/** Knows the distribution of every run, also the moment it shifts, and the true chance of a webhook. */
export class Optimum implements Policy {
  readonly name = 'optimum';
  private readonly curves = new Map<Distribution, ReturnType<typeof curveOf>>();
  private readonly schedules = new Map<Distribution, Map<number, PollSchedule>>();

  scheduleFor(run: DrawnRun, costMs: number, scarcity = 1): PollSchedule {
    const plain = this.scheduleAt(run.distribution, costMs);
    const dearer = scarcity * effectiveCostMs(1, run.webhookChance);
    return dearer === 1 ? plain : reviewedSchedule(this.scheduleAt(run.distribution, costMs * dearer), plain);
  }

  private scheduleAt(distribution: Distribution, costMs: number): PollSchedule {
    // In steps of 1 %, since a price under control never repeats.
    const step = Math.round(Math.log(costMs) / 0.01);
    const held = this.schedules.get(distribution) ?? new Map<number, PollSchedule>();
    this.schedules.set(distribution, held);
    const known = held.get(step);
    if (known !== undefined) return known;
    const curve = this.curves.get(distribution) ?? curveOf(distribution);
    this.curves.set(distribution, curve);
    const price = Math.exp(0.01 * step);
    const table = lookTable(refined(curve, price), price);
    const made = learnedSchedule({ table, guard: defaultGuard, trust: Infinity, maxDelayMs: Infinity });
    if (held.size > 64) held.clear();
    held.set(step, made);
    return made;
  }

  learn(): void {}

  found(): void {}
}

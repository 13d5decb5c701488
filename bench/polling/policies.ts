/** The policies that are compared. Each sees what the API shows, but for the optimum, which knows the world. */

import { backoffSchedule, defaultBackoff, type PollSchedule } from '../../src/domain/poll-schedule.ts';
import { DurationModel } from '../../src/domain/polling/duration-model.ts';
import { defaultGuard, learnedSchedule } from '../../src/domain/polling/learned-schedule.ts';
import type { DurationObservation } from '../../src/domain/polling/life-table.ts';
import { lookTable } from '../../src/domain/polling/look-table.ts';
import { effectiveCostMs, Planner } from '../../src/domain/polling/planner.ts';
import { refined } from '../../src/domain/polling/survival.ts';
import {
  arrivalChance,
  type ArrivalState,
  learnArrival,
  unknownArrival,
} from '../../src/domain/polling/webhook-arrival.ts';
import { curveOf, type Distribution } from './distribution.ts';
import type { DrawnRun } from './draws.ts';
import type { Found } from './simulated-run.ts';

export interface Policy {
  readonly name: string;
  scheduleFor(run: DrawnRun, costMs: number): PollSchedule;
  /** Before every look: what it teaches. */
  learn(run: DrawnRun, lesson: () => DurationObservation | null): void;
  found(found: Found): void;
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
  private arrival: ArrivalState = unknownArrival;

  constructor(name: string, webhooks: boolean) {
    this.name = name;
    this.webhooks = webhooks;
  }

  scheduleFor(run: DrawnRun, costMs: number): PollSchedule {
    const webhookChance = this.webhooks ? arrivalChance(this.arrival) : 0;
    return this.planner.scheduleFor({ chain: [run.classKey, 'kind'], costMs, webhookChance });
  }

  learn(run: DrawnRun, lesson: () => DurationObservation | null): void {
    const observation = lesson();
    if (observation !== null) this.model.observe([run.classKey, 'kind'], observation);
  }

  found(found: Found): void {
    if (!this.webhooks) return;
    this.arrival = learnArrival(
      this.arrival,
      found.foundBy === 'webhook'
        ? { type: 'arrived', latencyMs: found.seenDelayMs }
        : { type: 'missed', silentMs: found.seenDelayMs },
    );
  }
}

/** Knows the distribution of every run, also the moment it shifts, and the true chance of a webhook. */
export class Optimum implements Policy {
  readonly name = 'optimum';
  private readonly curves = new Map<Distribution, ReturnType<typeof curveOf>>();
  private readonly schedules = new Map<Distribution, Map<number, PollSchedule>>();

  scheduleFor(run: DrawnRun, costMs: number): PollSchedule {
    // In steps of 1 %, since a price under control never repeats.
    const step = Math.round(Math.log(effectiveCostMs(costMs, run.webhookChance)) / 0.01);
    const held = this.schedules.get(run.distribution) ?? new Map<number, PollSchedule>();
    this.schedules.set(run.distribution, held);
    const known = held.get(step);
    if (known !== undefined) return known;
    const curve = this.curves.get(run.distribution) ?? curveOf(run.distribution);
    this.curves.set(run.distribution, curve);
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

/** From what is believed and what a look costs now to a run's schedule. Holds tables until there is news. */

import type { PollSchedule } from '../poll-schedule.ts';
import type { ClassChain, DurationEstimate, DurationModel } from './duration-model.ts';
import {
  defaultGuard,
  type GuardOptions,
  learnedSchedule,
  reviewedSchedule,
  trustOf,
} from './learned-schedule.ts';
import { type LookTable, lookTable } from './look-table.ts';
import { refined, survivalAt } from './survival.ts';

export interface PlannerOptions {
  readonly guard: GuardOptions;
  /** No gap between looks is longer; default 9 min, since a provider may delete what ended 10 min ago. */
  readonly maxDelayMs: number;
}

export const defaultPlanner: PlannerOptions = { guard: defaultGuard, maxDelayMs: 540_000 };

export interface PlanRequest {
  readonly chain: ClassChain;
  /** The delay that one look is worth, milliseconds: the user's knob. */
  readonly costMs: number;
  /** How many times as dear a look is while the quota is short; default 1. */
  readonly scarcity?: number;
  /** The chance that a webhook will tell of the run's end; 0 where none is expected. */
  readonly webhookChance: number;
  /** The run's own bound, if it is tighter than the fleet's. */
  readonly maxDelayMs?: number | null;
}

/** However well webhooks have arrived, one in so many is expected to fail. */
const mostTrust = 1 - 1 / 500;

/** A look can only save the delay of a run whose webhook fails, so it is worth that much less. */
export function effectiveCostMs(costMs: number, webhookChance: number): number {
  const chance = Math.min(mostTrust, Math.max(0, webhookChance));
  return costMs / (1 - chance);
}

/** Prices are told apart by 3 %: a price that is off by 1.5 % costs a hundredth of a percent. */
const logPriceStep = 0.03;
/** A price that moves is told apart by 10 %, or it would call for new tables all the time. */
const movingPriceStep = 0.1;
/** Looks that are dearer by less than this are not stretched. */
const leastStretch = 1.05;
const cheapestMs = 1;

/** A chance of going on that is not worth following. */
const negligible = 1e-3;
const mostExpectedLooks = 2000;

/** Tables held for one class, one a price. */
const maxPrices = 16;

export class Planner {
  private readonly model: DurationModel;
  private readonly options: PlannerOptions;
  private readonly tables = new WeakMap<DurationEstimate, Map<number, LookTable>>();

  constructor(model: DurationModel, options: Partial<PlannerOptions> = {}) {
    this.model = model;
    this.options = { ...defaultPlanner, ...options };
  }

  scheduleFor(request: PlanRequest): PollSchedule {
    const estimate = this.model.estimate(request.chain);
    const plain = this.scheduleAt(estimate, request, 1);
    const dearer = (request.scarcity ?? 1) * effectiveCostMs(1, request.webhookChance);
    if (dearer < leastStretch) return plain;
    return reviewedSchedule(this.scheduleAt(estimate, request, dearer), plain);
  }

  /** How many looks a run of this class is expected to need, from its create on. */
  expectedLooks(request: PlanRequest): number {
    const { curve } = this.model.estimate(request.chain);
    const schedule = this.scheduleFor(request);
    let ageMs = 0;
    let going = 1;
    let looks = 0;
    for (let n = 0; n < mostExpectedLooks && going > negligible; n += 1) {
      looks += going;
      ageMs += schedule.delayMs({ ageMs, looks: n, random: 0.5 });
      going = survivalAt(curve, ageMs);
    }
    return looks;
  }

  /** With looks that are `dearer` times as dear as the run's own price. */
  private scheduleAt(estimate: DurationEstimate, request: PlanRequest, dearer: number): PollSchedule {
    const { guard, maxDelayMs } = this.options;
    const logStep = dearer === 1 ? logPriceStep : movingPriceStep;
    return learnedSchedule({
      table: this.tableOf(estimate, request.costMs * dearer, logStep),
      guard,
      // The guard gives way as the gaps grow: a webhook that is likely to come bounds the worst delay as it does, and
      // what the quota does not allow cannot be had.
      trust: trustOf(guard, estimate.evidence) * dearer,
      maxDelayMs: Math.min(maxDelayMs, request.maxDelayMs ?? Infinity),
    });
  }

  private tableOf(estimate: DurationEstimate, costMs: number, logStep: number): LookTable {
    const step = logStep * Math.round(Math.log(Math.max(cheapestMs, costMs)) / logStep);
    const held = this.tables.get(estimate) ?? new Map<number, LookTable>();
    const known = held.get(step);
    if (known !== undefined) return known;
    if (held.size >= maxPrices) held.clear();
    const price = Math.exp(step);
    const table = lookTable(refined(estimate.curve, price), price);
    held.set(step, table);
    this.tables.set(estimate, held);
    return table;
  }
}

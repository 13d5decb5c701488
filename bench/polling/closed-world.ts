/** A world with a budget: always so many runs in flight, and one call a slot, so many slots a minute. */

import { defaultPrice, nextPrice, type PriceState } from '../../src/domain/polling/price.ts';
import { drawRun } from './draws.ts';
import { TimeHeap } from './heap.ts';
import type { Policy } from './policies.ts';
import { type Found, SimulatedRun } from './simulated-run.ts';
import type { World } from './world.ts';

export interface BudgetResult {
  /** Runs that were found after the warm-up. */
  readonly found: readonly Found[];
  /** Share of the slots after the warm-up that were used. */
  readonly used: number;
  /** The worst 60 s window of calls against the limit then: 0 is on it, 0.1 is 10 % over. */
  readonly worstWindow: number;
  /** The geometric mean price of a look, seconds. */
  readonly priceSeconds: number;
}

export interface Dispatch {
  /** Whether the price follows the lag; else it stays at the world's. */
  readonly priced: boolean;
  /** Whether idle permits go to looks that are not due yet. */
  readonly workConserving: boolean;
}

/** More than any budget world has. */
const drawsMost = 1_000_000;

export function simulateBudget(
  world: World,
  seed: number,
  policy: Policy,
  dispatch: Dispatch,
  until?: number,
): BudgetResult {
  const { budget } = world;
  if (budget === undefined) throw new Error(`World ${world.name} has no budget.`);
  return new Fleet(world, budget, seed, policy, dispatch).run((until ?? budget.seconds) * 1000);
}

class Fleet {
  private readonly world: World;
  private readonly budget: NonNullable<World['budget']>;
  private readonly seed: number;
  private readonly policy: Policy;
  private readonly dispatch: Dispatch;
  private readonly due = new TimeHeap<SimulatedRun>();
  private readonly found: Found[] = [];
  private readonly callsAtMs: number[] = [];
  private price: PriceState;
  private toCreate: number;
  private created = 0;
  private nowMs = 0;
  private logPrice = 0;
  private slots = 0;
  private used = 0;

  constructor(
    world: World,
    budget: NonNullable<World['budget']>,
    seed: number,
    policy: Policy,
    dispatch: Dispatch,
  ) {
    this.world = world;
    this.budget = budget;
    this.seed = seed;
    this.policy = policy;
    this.dispatch = dispatch;
    this.price = { costMs: world.cost * 1000 };
    this.toCreate = Math.round(world.inFlight);
  }

  run(untilMs: number): BudgetResult {
    const warmMs = this.budget.warmUp * 1000;
    while (this.nowMs < untilMs) {
      const slotMs = 60_000 / this.rpm();
      const counts = this.nowMs >= warmMs;
      const took = this.slot(slotMs, counts);
      if (took) this.callsAtMs.push(this.nowMs);
      if (counts) {
        this.slots += 1;
        this.used += took ? 1 : 0;
        this.logPrice += Math.log(this.price.costMs / 1000);
      }
      this.nowMs += slotMs;
    }
    return {
      found: this.found,
      used: this.used / this.slots,
      worstWindow: worstWindow(this.callsAtMs, (atMs) => this.rpm(atMs)),
      priceSeconds: Math.exp(this.logPrice / this.slots),
    };
  }

  private rpm(atMs = this.nowMs): number {
    let { rpm } = this.budget;
    for (const step of this.budget.steps) if (atMs >= step.at * 1000) ({ rpm } = step);
    return rpm;
  }

  /** One permit. Whether it was used. */
  private slot(slotMs: number, counts: boolean): boolean {
    while (this.toCreate > 0) {
      this.toCreate -= 1;
      this.create();
      if (this.budget.countsCreates) return true;
    }
    const next = this.earliest();
    if (next === null) return false;
    const { run, dueMs } = next;
    if (this.dispatch.priced) {
      const options = { ...defaultPrice, baseCostMs: this.world.cost * 1000 };
      this.price = nextPrice(this.price, this.nowMs - dueMs, slotMs, options);
    }
    if (dueMs > this.nowMs && !this.dispatch.workConserving) {
      this.due.push(dueMs, run);
      return false;
    }
    this.look(run, counts);
    return true;
  }

  private look(run: SimulatedRun, counts: boolean): void {
    this.policy.learn(run.drawn, () => run.lesson(this.nowMs));
    const looked = run.look(this.nowMs, 'poll', this.policy.scheduleFor(run.drawn, this.price.costMs));
    if (typeof looked === 'number') {
      this.due.push(looked, run);
      return;
    }
    this.policy.found(looked);
    if (counts) this.found.push(looked);
    this.toCreate += 1;
  }

  private create(): void {
    const drawn = drawRun(this.world, this.seed, this.created, drawsMost, 0);
    this.created += 1;
    const run = new SimulatedRun(drawn, this.nowMs);
    this.due.push(run.start(this.policy.scheduleFor(drawn, this.price.costMs)), run);
  }

  /** The earliest due at today's price: a run that was put down when looks were cheaper is put back. */
  private earliest(): { readonly run: SimulatedRun; readonly dueMs: number } | null {
    for (;;) {
      const heldMs = this.due.peekMs();
      const run = this.due.pop();
      if (run === undefined) return null;
      if (!this.dispatch.priced) return { run, dueMs: heldMs };
      const dueMs = run.dueMs(this.policy.scheduleFor(run.drawn, this.price.costMs));
      if (dueMs <= Math.max(heldMs, this.due.peekMs())) return { run, dueMs };
      this.due.push(dueMs, run);
    }
  }
}

function worstWindow(callsAtMs: readonly number[], rpmAt: (atMs: number) => number): number {
  let worst = -1;
  let first = 0;
  for (const [i, atMs] of callsAtMs.entries()) {
    while ((callsAtMs[first] ?? atMs) <= atMs - 60_000 + 1e-6) first += 1;
    // In a window that spans a step, the larger quota held for a part of it.
    const limit = Math.max(rpmAt(atMs), rpmAt(atMs - 60_000));
    worst = Math.max(worst, (i - first + 1) / limit - 1);
  }
  return worst;
}

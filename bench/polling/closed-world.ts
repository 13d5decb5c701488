/** A world with a budget: always so many runs in flight, and one call a slot, so many slots a minute. */

import { LookShares } from '../../src/domain/polling/look-shares.ts';
import { isBehind, nextPrice, noLooks, noScarcity, type PriceState } from '../../src/domain/polling/price.ts';
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
  /** Turns of a job that led to no call, for each look. */
  readonly reviews: number;
}

/** More than any budget world has. */
const drawsMost = 1_000_000;
/** So often the workers tell each other how long looks wait. */
const syncMs = 1000;

/** `priced`: the price follows the lag; else runs ask for permits when they would without a quota, and queue. */
export function simulateBudget(world: World, seed: number, policy: Policy, priced: boolean): BudgetResult {
  const { budget } = world;
  if (budget === undefined) throw new Error(`World ${world.name} has no budget.`);
  return new Fleet(world, budget, seed, policy, priced).run();
}

interface Asked {
  readonly run: SimulatedRun;
  readonly askedMs: number;
}

/**
 * As in the fleet: a run sleeps until its job is due, asks its schedule, and queues for a permit: first come, first
 * served, as the tickets of the limiter do it. Creates have a share of their own and go first.
 */
class Fleet {
  private readonly world: World;
  private readonly budget: NonNullable<World['budget']>;
  private readonly seed: number;
  private readonly policy: Policy;
  private readonly priced: boolean;
  /** When runs end, where another starts right then. */
  private readonly ends = new TimeHeap<null>();
  private readonly asleep = new TimeHeap<SimulatedRun>();
  /** Looks of classes that have had few go before the others. */
  private readonly light = new TimeHeap<Asked>();
  private readonly queue = new TimeHeap<Asked>();
  private readonly shares = new LookShares();
  private readonly found: Found[] = [];
  private readonly callsAtMs: number[] = [];
  private price: PriceState = noScarcity;
  private permitted = noLooks;
  private syncedAtMs = 0;
  private toCreate: number;
  private created = 0;
  private nowMs = 0;
  private logPrice = 0;
  private slots = 0;
  private used = 0;
  private looks = 0;
  private reviews = 0;

  constructor(
    world: World,
    budget: NonNullable<World['budget']>,
    seed: number,
    policy: Policy,
    priced: boolean,
  ) {
    this.world = world;
    this.budget = budget;
    this.seed = seed;
    this.policy = policy;
    this.priced = priced;
    this.toCreate = Math.round(world.inFlight);
  }

  run(): BudgetResult {
    const untilMs = this.budget.seconds * 1000;
    const warmMs = this.budget.warmUp * 1000;
    while (this.nowMs < untilMs) {
      const counts = this.nowMs >= warmMs;
      this.sync();
      this.replaceEnded();
      this.wake(counts);
      const took = this.slot(counts);
      if (took) this.callsAtMs.push(this.nowMs);
      if (counts) {
        this.slots += 1;
        this.used += took ? 1 : 0;
        this.logPrice += Math.log(this.world.cost * this.price.scarcity);
      }
      this.nowMs += 60_000 / this.rpm();
    }
    return {
      found: this.found,
      used: this.used / this.slots,
      worstWindow: worstWindow(this.callsAtMs, (atMs) => this.rpm(atMs)),
      priceSeconds: Math.exp(this.logPrice / this.slots),
      reviews: this.reviews / this.looks,
    };
  }

  private rpm(atMs = this.nowMs): number {
    let { rpm } = this.budget;
    for (const step of this.budget.steps) if (atMs >= step.at * 1000) ({ rpm } = step);
    return rpm;
  }

  private sync(): void {
    const elapsedMs = this.nowMs - this.syncedAtMs;
    if (!this.priced || elapsedMs < syncMs) return;
    this.price = nextPrice(this.price, this.permitted, elapsedMs);
    this.permitted = noLooks;
    this.syncedAtMs = this.nowMs;
  }

  private replaceEnded(): void {
    while (this.ends.peekMs() <= this.nowMs) {
      this.ends.pop();
      this.toCreate += 1;
    }
  }

  private wake(counts: boolean): void {
    while (this.asleep.peekMs() <= this.nowMs) {
      const run = this.asleep.pop();
      if (run === undefined) return;
      const untilMs = run.wake(this.nowMs, 'poll', this.scheduleFor(run));
      if (untilMs === null) this.ask(run);
      else this.asleep.push(untilMs, run);
      if (counts && untilMs !== null) this.reviews += 1;
    }
  }

  private ask(run: SimulatedRun): void {
    const isLight = isBehind(this.price) && this.shares.isLight(run.drawn.classKey);
    (isLight ? this.light : this.queue).push(this.nowMs, { run, askedMs: this.nowMs });
  }

  /** One permit. Whether it was used. */
  private slot(counts: boolean): boolean {
    while (this.toCreate > 0) {
      this.toCreate -= 1;
      this.create();
      if (this.budget.countsCreates) return true;
    }
    const next = this.light.pop() ?? this.queue.pop();
    if (next === undefined) return false;
    this.shares.permitted(next.run.drawn.classKey);
    const { looks, lagMs, gapMs } = this.permitted;
    this.permitted = {
      looks: looks + 1,
      lagMs: lagMs + this.nowMs - next.askedMs,
      gapMs: gapMs + this.nowMs - next.run.lastLookMs,
    };
    this.look(next.run, counts);
    return true;
  }

  private look(run: SimulatedRun, counts: boolean): void {
    this.looks += counts ? 1 : 0;
    this.policy.learn(run.drawn, () => run.lesson(this.nowMs));
    const looked = run.look(this.nowMs, 'poll', this.scheduleFor(run));
    if (typeof looked === 'number') {
      this.asleep.push(looked, run);
      return;
    }
    this.policy.found(looked);
    if (counts) this.found.push(looked);
    if (this.budget.replaces === 'found') this.toCreate += 1;
  }

  private create(): void {
    const drawn = drawRun(this.world, this.seed, this.created, drawsMost, 0);
    this.created += 1;
    const run = new SimulatedRun(drawn, this.nowMs);
    if (this.budget.replaces === 'ended') this.ends.push(run.endMs, null);
    this.asleep.push(run.start(this.scheduleFor(run)), run);
  }

  private scheduleFor(run: SimulatedRun): ReturnType<Policy['scheduleFor']> {
    return this.policy.scheduleFor(run.drawn, this.world.cost * 1000, this.price.scarcity);
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

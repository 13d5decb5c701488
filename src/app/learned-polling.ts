/**
 * Looks when it pays, by what the whole fleet has seen.
 *
 * Steps read and teach the model of this process alone, in memory. In the background, `sync` gives what was learnt to
 * the fleet and takes over what others learnt: at once for classes seen for the first time, every few seconds for
 * those in use. Without Redis, or before its first answer, a class leans on its parents and the prior.
 */

import type { RunEvent } from '../domain/decision.ts';
import { chainOf } from '../domain/polling/class-key.ts';
import { InFlight } from '../domain/polling/in-flight.ts';
import type { ClassChain, DurationModel } from '../domain/polling/duration-model.ts';
import { mergeIncrements } from '../domain/polling/merge-increments.ts';
import { observationOfEvent } from '../domain/polling/observation.ts';
import type { PlanRequest, Planner } from '../domain/polling/planner.ts';
import { silenceAtReview, silenceTakenBack } from '../domain/polling/silence.ts';
import { type ClassIncrement, emptySnapshot } from '../domain/polling/shared-counts.ts';
import { boundedSchedule, type LookContext, type PollSchedule } from '../domain/poll-schedule.ts';
import {
  ageFromMsOf,
  type FollowingState,
  type RunOutcome,
  type RunSpec,
  type RunState,
} from '../domain/run.ts';
import type { Clock } from '../ports/clock.ts';
import type { DurationStore } from '../ports/duration-store.ts';
import type { PollReport, Telemetry } from '../ports/telemetry.ts';
import type { Pacing } from './pacing.ts';
import { type Polling, pollReport } from './polling.ts';

export interface LearnedPollingOptions {
  readonly model: DurationModel;
  readonly planner: Planner;
  readonly store: DurationStore;
  readonly pacing: Pacing;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** The delay that one look is worth, where the run does not say. */
  readonly costMs: number;
  /** What the reports compare with. */
  readonly backoff: PollSchedule;
  /** How old a class's counts may become while it is in use; default 5 s. */
  readonly refreshMs?: number;
}

/** Read in one trip: a class may be some tens of kB. */
const mostReads = 50;
/** Classes that wait to be read: more than a model holds would be forgotten again. */
const mostDue = 1000;
/** Beyond this many unsaid observations (Redis is away) the oldest are forgotten: some MB. */
const mostPending = 20_000;

export class LearnedPolling implements Polling {
  private readonly options: LearnedPollingOptions;
  private readonly refreshMs: number;
  private readonly inFlight = new InFlight();
  private pending: ClassIncrement[] = [];
  /** Classes in use since they were last read, with the time of that read; `-Infinity` before the first. */
  private readonly due = new Map<string, number>();
  private readonly readAtMs = new Map<string, number>();
  private syncing: Promise<unknown> | null = null;
  private hasNewClass = false;
  private failing = false;

  constructor(options: LearnedPollingOptions) {
    this.options = options;
    this.refreshMs = options.refreshMs ?? 5000;
  }

  scheduleFor(spec: RunSpec, account?: string): PollSchedule {
    const { planner, backoff } = this.options;
    const fallback = boundedSchedule(backoff, spec.maxDelayMs ?? Infinity);
    const request = this.planFor(spec, account);
    this.guarded(() => this.showInFlight(spec, request.chain, account), undefined);
    // Asked anew each time: between a step's start and its look's answer something may have been learnt.
    const plan = (): PollSchedule => this.guarded(() => planner.scheduleFor(request), fallback);
    this.guarded(() => this.use(request.chain), undefined);
    return {
      delayMs: (context: LookContext) => plan().delayMs(context),
      reason: (context: LookContext) => plan().reason?.(context) ?? 'backoff',
      reviewMs: (context: LookContext, sinceMs: number) => plan().reviewMs?.(context, sinceMs) ?? null,
    };
  }

  willBeTold(spec: RunSpec, account?: string): boolean {
    return this.guarded(() => this.options.pacing.willBeTold(spec, account), false);
  }

  goesFirst(spec: RunSpec, account?: string): boolean {
    return this.guarded(() => this.options.pacing.goesFirst(account, narrowestOf(spec)), false);
  }

  permitted(spec: RunSpec, state: RunState, waitedMs: number, nowMs: number): void {
    if (state.phase !== 'following') return;
    this.guarded(() => {
      const sinceMs = Math.max(0, nowMs - state.lastLookAtMs);
      this.options.pacing.permitted(state.account, narrowestOf(spec), waitedMs, sinceMs);
      this.noteSilence(spec, state, sinceMs, silenceTakenBack);
    }, undefined);
  }

  parked(spec: RunSpec, before: RunState, after: RunState, nowMs: number): void {
    if (before.phase !== 'following' || !isReview(before, after, nowMs)) return;
    this.guarded(
      () => this.noteSilence(spec, before, nowMs - before.lastLookAtMs, silenceAtReview),
      undefined,
    );
  }

  learn(spec: RunSpec, before: RunState, event: RunEvent, nowMs: number): void {
    this.guarded(() => {
      const chain = chainOf(spec, spec.traits ?? {});
      this.inFlight.note(chain, before, event, nowMs);
      const observation = observationOfEvent(before, event, nowMs);
      if (observation === null) return;
      this.use(chain);
      this.pending.push(...this.options.model.observe(chain, observation));
      if (this.pending.length > mostPending) this.pending = this.pending.slice(-mostPending / 2);
    }, undefined);
  }

  report(spec: RunSpec, state: RunState, outcome: RunOutcome): PollReport | null {
    const { backoff: schedule, costMs, planner, pacing } = this.options;
    return this.guarded(() => {
      pacing.ended(spec, state, outcome);
      const expectedLooks = planner.expectedLooks(this.planFor(spec, state.account));
      return pollReport({ spec, state, outcome, expectedLooks, schedule, costMs });
    }, null);
  }

  /** Tells the fleet and asks it. One at a time; never rejects: who looks by older numbers looks well enough. */
  async sync(): Promise<void> {
    this.syncing ??= this.exchange()
      .then(
        () => (this.failing = false),
        (error: unknown) => this.noteFailure(error),
      )
      .finally(() => {
        this.syncing = null;
        if (this.hasNewClass) void this.sync();
      });
    await this.syncing;
  }

  /** A mistake of ours in here may cost looks or delay, never a run. */
  private guarded<T>(work: () => T, fallback: T): T {
    try {
      return work();
    } catch (error) {
      this.options.telemetry.log('error', 'Learned polling failed; the plain backoff goes on', { error });
      return fallback;
    }
  }

  /** Once a failure, however long it lasts. */
  private noteFailure(error: unknown): void {
    const { telemetry } = this.options;
    if (!this.failing) telemetry.log('warn', 'Durations are not exchanged with the fleet', { error });
    this.failing = true;
  }

  private async exchange(): Promise<void> {
    const { store, pacing } = this.options;
    this.hasNewClass = false;
    const told = mergeIncrements(this.pending);
    this.pending = [];
    if (told.length > 0) await store.add(told);
    const classKeys = this.takeDue();
    if (classKeys.length > 0) this.takeOver(classKeys, await store.read(classKeys));
    await pacing.sync();
  }

  /** In one turn of the event loop: nothing is observed in between. */
  private takeOver(
    classKeys: readonly string[],
    snapshots: Awaited<ReturnType<DurationStore['read']>>,
  ): void {
    const { model } = this.options;
    for (const [at, classKey] of classKeys.entries()) model.load(classKey, snapshots[at] ?? emptySnapshot);
    // What was observed while we waited is not in what was read.
    const read = new Set(classKeys);
    for (const increment of this.pending) if (read.has(increment.classKey)) model.add(increment);
  }

  private takeDue(): string[] {
    const nowMs = this.options.clock.nowMs();
    const dueKeys = [...this.due]
      .filter(([, readAtMs]) => nowMs - readAtMs >= this.refreshMs)
      .toSorted(([, a], [, b]) => a - b)
      .slice(0, mostReads)
      .map(([classKey]) => classKey);
    for (const classKey of dueKeys) {
      this.due.delete(classKey);
      this.readAtMs.delete(classKey);
      this.readAtMs.set(classKey, nowMs);
    }
    this.forgetUnused();
    return dueKeys;
  }

  private showInFlight(spec: RunSpec, chain: ClassChain, account: string | undefined): void {
    const { model, clock, pacing } = this.options;
    if (pacing.webhookChance(spec, account) === 0) return;
    this.inFlight.show(model, chain, clock.nowMs(), pacing.provenChance(spec, account));
  }

  private use(chain: ClassChain): void {
    for (const classKey of chain) {
      // A class that the model has let go must be read anew.
      const readAtMs = this.options.model.has(classKey) ? this.readAtMs.get(classKey) : undefined;
      if (readAtMs === undefined && this.due.get(classKey) !== -Infinity) this.hasNewClass = true;
      this.due.set(classKey, readAtMs ?? -Infinity);
    }
    const [oldest] = this.due.keys();
    if (this.due.size > mostDue && oldest !== undefined) this.due.delete(oldest);
    if (this.hasNewClass && this.syncing === null) void this.sync();
  }

  private forgetUnused(): void {
    for (const classKey of this.readAtMs.keys()) {
      if (!this.options.model.has(classKey)) this.readAtMs.delete(classKey);
    }
  }

  /** No webhook has told of this run since its last look. */
  private noteSilence(
    spec: RunSpec,
    state: FollowingState,
    sinceMs: number,
    silence: typeof silenceAtReview,
  ): void {
    const { pacing, planner, model } = this.options;
    if (pacing.webhookChance(spec, state.account) === 0) return;
    const request = this.planFor(spec, state.account);
    const ageMs = state.lastLookAtMs - ageFromMsOf(state);
    const plain = planner.scheduleFor({ ...request, scarcity: 1, webhookChance: 0 });
    const plainMs = plain.delayMs({ ageMs, looks: state.looks, random: 0.5 });
    const estimate = model.estimate(request.chain);
    pacing.silent(state.account, silence(estimate, { ageMs, sinceMs, plainMs }));
  }

  private planFor(spec: RunSpec, account: string | undefined): PlanRequest {
    const { pacing } = this.options;
    return {
      chain: chainOf(spec, spec.traits ?? {}),
      costMs: spec.pollCostMs ?? this.options.costMs,
      scarcity: pacing.scarcity(account),
      webhookChance: pacing.webhookChance(spec, account),
      maxDelayMs: spec.maxDelayMs,
    };
  }
}

function narrowestOf(spec: RunSpec): string {
  return chainOf(spec, spec.traits ?? {})[0];
}

/** A stretched look was put off: its job was due, and no call was made. */
function isReview(before: FollowingState, after: RunState, nowMs: number): boolean {
  return (
    before.lookAtMs !== undefined &&
    after.phase === 'following' &&
    after.lastLookAtMs === before.lastLookAtMs &&
    after.permit === undefined &&
    after.faultStreak === 0 &&
    after.wakeAtMs > before.wakeAtMs &&
    nowMs > before.lastLookAtMs
  );
}

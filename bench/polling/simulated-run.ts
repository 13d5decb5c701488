/** One run in virtual time: the real `decide` against a provider that stamps whole seconds. */

import { beginCall, decide } from '../../src/domain/decide.ts';
import type { DecideContext, Decision, RunEvent } from '../../src/domain/decision.ts';
import { defaultPolicy } from '../../src/domain/policy.ts';
import { observationOfEvent } from '../../src/domain/polling/observation.ts';
import type { DurationObservation } from '../../src/domain/polling/life-table.ts';
import type { PollSchedule } from '../../src/domain/poll-schedule.ts';
import { initialState, type RunSpec, type RunState } from '../../src/domain/run.ts';
import type { ProviderSnapshot } from '../../src/domain/snapshot.ts';
import { noToolRules } from '../../src/domain/tools.ts';
import type { DrawnRun } from './draws.ts';

/** The world's clock starts here, so that whole seconds are nobody's multiples. */
const epochMs = 1_700_000_000_137;

export interface Found {
  readonly looks: number;
  readonly delayMs: number;
  readonly foundBy: 'poll' | 'webhook';
  /** From the stamp's middle to the detection: what can be seen of the delay. */
  readonly seenDelayMs: number;
}

export class SimulatedRun {
  readonly drawn: DrawnRun;
  readonly startMs: number;
  private readonly spec: RunSpec;
  private state: RunState;

  constructor(drawn: DrawnRun, startMs: number) {
    this.drawn = drawn;
    this.startMs = startMs;
    this.spec = {
      id: `run-${drawn.index}`,
      kind: 'responses',
      follow: 'auto',
      acceptedAtMs: epochMs + startMs,
      deadlineAtMs: epochMs + startMs + 7 * 3600 * 1000,
      label: null,
      lane: null,
      onAmbiguous: 'fail',
      metadata: {},
      callbackUrl: null,
      owner: null,
      account: null,
      traits: null,
      pollCostMs: null,
      maxDelayMs: null,
      priority: 0,
      tools: noToolRules,
    };
    this.state = initialState(epochMs + startMs);
  }

  get lastLookMs(): number {
    return this.state.phase === 'following' ? this.state.lastLookAtMs - epochMs : this.startMs;
  }

  get looks(): number {
    return this.state.calls.retrieve;
  }

  get endMs(): number {
    return this.startMs + this.drawn.durationMs;
  }

  /** Creates the run. When its job is due next. */
  start(schedule: PollSchedule): number {
    this.wake(this.startMs, 'poll', schedule);
    const decision = this.call('create', this.startMs, 'poll', schedule);
    if (decision.next.type !== 'wait') throw new Error(`A create led to ${decision.next.type}.`);
    return decision.next.untilMs - epochMs;
  }

  /** Its job is due. Null: it wants to be looked at; else when the job is due again. */
  wake(nowMs: number, foundBy: 'poll' | 'webhook', schedule: PollSchedule): number | null {
    const context = this.contextAt(nowMs, foundBy, schedule);
    const wokenBy = foundBy === 'poll' ? null : foundBy;
    const { state, next } = decide(
      this.state,
      { type: 'activated', wokenBy, cancelRequestedAtMs: null },
      context,
    );
    this.state = state;
    if (next.type === 'wait') return next.untilMs - epochMs;
    if (next.type !== 'call') throw new Error(`A due job led to ${next.type}.`);
    return null;
  }

  /** What a look at this time teaches; asked before it is taken. */
  lesson(nowMs: number): DurationObservation | null {
    const event: RunEvent = { type: 'replied', call: 'retrieve', snapshot: this.snapshot(nowMs) };
    return observationOfEvent(this.state, event, epochMs + nowMs);
  }

  /** One look. When the job is due next, or what was found. */
  look(nowMs: number, foundBy: 'poll' | 'webhook', schedule: PollSchedule): number | Found {
    const decision = this.call('retrieve', nowMs, foundBy, schedule);
    if (decision.next.type === 'wait') return decision.next.untilMs - epochMs;
    if (decision.next.type !== 'end') throw new Error(`A look led to ${decision.next.type}.`);
    return {
      looks: decision.state.calls.retrieve,
      delayMs: nowMs - this.endMs,
      foundBy,
      seenDelayMs: decision.next.outcome.detectionDelayMs ?? 0,
    };
  }

  private call(
    call: 'create' | 'retrieve',
    nowMs: number,
    foundBy: 'poll' | 'webhook',
    schedule: PollSchedule,
  ): Decision {
    const context = this.contextAt(nowMs, foundBy, schedule);
    this.state = beginCall(this.state, call, context.nowMs);
    const decision = decide(this.state, { type: 'replied', call, snapshot: this.snapshot(nowMs) }, context);
    this.state = decision.state;
    return decision;
  }

  private contextAt(nowMs: number, foundBy: 'poll' | 'webhook', schedule: PollSchedule): DecideContext {
    return {
      nowMs: epochMs + nowMs,
      random: 0.5,
      spec: this.spec,
      policy: defaultPolicy,
      schedule,
      canFind: false,
      foundBy,
    };
  }

  private snapshot(nowMs: number): ProviderSnapshot {
    const base = {
      providerRunId: 'resp',
      threadId: null,
      createdAtMs: wholeSecond(epochMs + this.startMs),
      expiresAtMs: null,
      pollAfterMs: null,
      usage: null,
    };
    if (nowMs < this.endMs)
      return { ...base, phase: 'running', status: 'in_progress', rawStatus: 'in_progress', toolCalls: [] };
    const endedAtMs = wholeSecond(epochMs + this.endMs);
    return { ...base, phase: 'ended', status: 'completed', endedAtMs, error: null, output: null };
  }
}

function wholeSecond(atMs: number): number {
  return Math.floor(atMs / 1000) * 1000;
}

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
      tools: noToolRules,
    };
    this.state = initialState(epochMs + startMs);
  }

  get endMs(): number {
    return this.startMs + this.drawn.durationMs;
  }

  /** Creates the run. When to look next. */
  start(schedule: PollSchedule): number {
    const decision = this.activate(this.startMs, 'poll', schedule);
    if (decision.next.type !== 'wait') throw new Error(`A create led to ${decision.next.type}.`);
    return decision.next.untilMs - epochMs;
  }

  /** When `schedule` would look next, if it were asked again: after a change of price. */
  dueMs(schedule: PollSchedule): number {
    if (this.state.phase !== 'following') return Infinity;
    const { lastLookAtMs, startedAtMs, looks } = this.state;
    return (
      lastLookAtMs - epochMs + schedule.delayMs({ ageMs: lastLookAtMs - startedAtMs, looks, random: 0.5 })
    );
  }

  /** What a look at this time teaches; asked before it is taken. */
  lesson(nowMs: number): DurationObservation | null {
    const event: RunEvent = { type: 'replied', call: 'retrieve', snapshot: this.snapshot(nowMs) };
    return observationOfEvent(this.state, event, epochMs + nowMs);
  }

  /** One look. When to look next, or what was found. */
  look(nowMs: number, foundBy: 'poll' | 'webhook', schedule: PollSchedule): number | Found {
    const decision = this.activate(nowMs, foundBy, schedule);
    if (decision.next.type === 'wait') return decision.next.untilMs - epochMs;
    if (decision.next.type !== 'end') throw new Error(`A look led to ${decision.next.type}.`);
    return {
      looks: decision.state.calls.retrieve,
      delayMs: nowMs - this.endMs,
      foundBy,
      seenDelayMs: decision.next.outcome.detectionDelayMs ?? 0,
    };
  }

  private activate(nowMs: number, foundBy: 'poll' | 'webhook', schedule: PollSchedule): Decision {
    const context: DecideContext = {
      nowMs: epochMs + nowMs,
      random: 0.5,
      spec: this.spec,
      policy: defaultPolicy,
      schedule,
      canFind: false,
      foundBy,
    };
    // Somebody has decided to look: a promoted job counts as woken, as it does in the fleet.
    const wokenBy = foundBy === 'poll' && nowMs + epochMs >= this.state.wakeAtMs ? null : 'webhook';
    let decision = decide(this.state, { type: 'activated', wokenBy, cancelRequestedAtMs: null }, context);
    while (decision.next.type === 'call') {
      const { call } = decision.next;
      if (call !== 'create' && call !== 'retrieve') throw new Error(`An unexpected ${call}.`);
      this.state = beginCall(decision.state, call, context.nowMs);
      decision = decide(this.state, { type: 'replied', call, snapshot: this.snapshot(nowMs) }, context);
    }
    this.state = decision.state;
    return decision;
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

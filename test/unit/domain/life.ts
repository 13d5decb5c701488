/**
 * One whole life of a run, in model time: `decide` on one side, a provider that misbehaves as told on the other.
 * Workers die, permits are denied, webhooks and cancels come at odd moments.
 */

import { beginCall, decide } from '../../../src/domain/decide.ts';
import {
  type DecideContext,
  type Decision,
  type RunCall,
  type RunEvent,
  wait,
} from '../../../src/domain/decision.ts';
import type { FaultType } from '../../../src/domain/fault.ts';
import { initialState, type RunOutcome, type RunSpec, type RunState } from '../../../src/domain/run.ts';
import type { ProviderSnapshot } from '../../../src/domain/snapshot.ts';
import type { ProviderEnding } from '../../../src/domain/status.ts';
import { aFault, aSpec, over, running, t0, unheardOf } from '../../support/fakes/builders.ts';
import { aContext } from './given.ts';
import { type Connection, ModelStream } from './life-stream.ts';

/** What happens to one call. `died`: the worker dies before it can note the answer. */
export interface Turn {
  readonly result: 'answered' | 'died' | FaultType;
  /** Of a call that got no answer: whether it had its effect. */
  readonly processed: boolean;
  readonly retryAfterMs: number | null;
  readonly tookMs: number;
  /** The gate says no, so many milliseconds long; null when it says yes. */
  readonly deniedMs: number | null;
}

export interface Plan {
  /** What happens to the first calls … */
  readonly turns: readonly Turn[];
  /** … and to all that follow. */
  readonly rest: Turn;
  readonly durationMs: number;
  readonly ending: ProviderEnding;
  readonly separateOutput: boolean;
  readonly whileRunning: 'in_progress' | 'requires_action' | 'pondering';
  readonly expiresAfterMs: number | null;
  readonly pollAfterMs: number | null;
  readonly cancelObeyed: boolean;
  readonly canFind: boolean;
  /** How long after its create a run shows up in a search. */
  readonly visibleAfterMs: number;
  readonly onAmbiguous: RunSpec['onAmbiguous'];
  readonly deadlineMs: number;
  /** When the caller asks for a cancel; null when never. */
  readonly cancelAtMs: number | null;
  /** When webhooks come, true or false ones. */
  readonly wakesAtMs: readonly number[];
  /** How the connections of its stream fare, the last one as all that follow; null: it has none. */
  readonly stream: readonly Connection[] | null;
}

interface Wake {
  readonly atMs: number;
  readonly by: 'webhook' | 'stream';
}

export interface Life {
  readonly outcome: RunOutcome;
  readonly state: RunState;
  readonly endedAtMs: number;
  /** Runs started at the provider: two are paid for. */
  readonly started: number;
  readonly callsMade: number;
}

interface Started {
  readonly id: string;
  readonly atMs: number;
  cancelledAtMs: number | null;
}

const mostCallsAStep = 6;
const mostSteps = 50_000;

export function live(plan: Plan): Life {
  return new Model(plan).run();
}

class Model {
  private readonly plan: Plan;
  private readonly spec: RunSpec;
  private readonly runs: Started[] = [];
  private nowMs = t0;
  private callsMade = 0;
  /** What the store holds; a worker that dies leaves no more than this. */
  private stored: RunState = initialState(t0);
  private wakes: readonly Wake[];
  private foundBy: DecideContext['foundBy'] = 'poll';
  private readonly stream: ModelStream | null;
  /** The last worker died: the run is taken up again before its time. */
  private stalled = false;

  constructor(plan: Plan) {
    this.plan = plan;
    this.stream = plan.stream === null ? null : new ModelStream(plan.stream);
    this.spec = aSpec({ deadlineAtMs: t0 + plan.deadlineMs, onAmbiguous: plan.onAmbiguous });
    const cancels = plan.cancelAtMs === null ? [] : [plan.cancelAtMs];
    this.wakes = [...plan.wakesAtMs, ...cancels]
      .map((ms) => ({ atMs: t0 + ms, by: 'webhook' as const }))
      .toSorted((a, b) => a.atMs - b.atMs);
  }

  run(): Life {
    for (let steps = 0; steps < mostSteps; steps += 1) {
      const wokenBy = this.sleep();
      const activated = { type: 'activated', wokenBy, cancelRequestedAtMs: this.cancelRequest() } as const;
      const outcome = this.step(this.streamEnd() ?? activated);
      if (outcome !== null) {
        const { nowMs: endedAtMs, callsMade, stored: state } = this;
        return { outcome, state, endedAtMs, started: this.runs.length, callsMade };
      }
    }
    throw new Error(`It did not end within ${mostSteps} steps; it is ${JSON.stringify(this.stored)}.`);
  }

  /** Until the run is due or somebody wakes it. */
  private sleep(): Wake['by'] | null {
    const dueAtMs = this.stalled ? this.nowMs : Math.max(this.nowMs, this.stored.wakeAtMs);
    this.stalled = false;
    const wake = this.wakes[0];
    if (wake === undefined || wake.atMs > dueAtMs) {
      this.nowMs = dueAtMs;
      return null;
    }
    this.wakes = this.wakes.slice(1);
    this.nowMs = Math.max(this.nowMs, wake.atMs);
    return wake.by;
  }

  /** What a connection that was held to the run's end has told. */
  private streamEnd(): RunEvent | null {
    const run = this.runs.at(-1);
    if (run === undefined || run.cancelledAtMs !== null) return null;
    if (this.stored.phase !== 'following' || this.stored.providerRunId !== run.id) return null;
    const endAtMs = run.atMs + this.plan.durationMs;
    if (this.stream?.hasTold(endAtMs, this.nowMs) !== true) return null;
    const snapshot = this.view(run);
    return snapshot.phase === 'ended' ? { type: 'streamed', snapshot, lastSeenAtMs: endAtMs } : null;
  }

  private open(): void {
    const run = this.runs.at(-1);
    if (this.stream === null || run === undefined) return;
    const wakeAtMs = this.stream.open(this.nowMs, run.atMs + this.plan.durationMs);
    if (wakeAtMs === null) return;
    const wake = { atMs: wakeAtMs, by: 'stream' as const };
    this.wakes = [...this.wakes, wake].toSorted((one, other) => one.atMs - other.atMs);
  }

  private cancelRequest(): number | null {
    const { cancelAtMs } = this.plan;
    return cancelAtMs !== null && this.nowMs >= t0 + cancelAtMs ? t0 + cancelAtMs : null;
  }

  private step(event: RunEvent): RunOutcome | null {
    this.foundBy = event.type === 'streamed' ? 'stream' : 'poll';
    let decision = this.decide(this.stored, event);
    for (let calls = 0; ; calls += 1) {
      const { next } = decision;
      if (next.type === 'settle') throw new Error('It was over before.');
      if (next.type === 'end') {
        this.stored = decision.state;
        return next.outcome;
      }
      if (next.type === 'wait') {
        this.stored = decision.state;
        return null;
      }
      if (next.type !== 'call') throw new Error(`Nothing in this life asks for tools, but: ${next.type}.`);
      if (calls >= mostCallsAStep) throw new Error('Too many calls in one step.');
      const answer = this.attempt(decision.state, next.call);
      if (answer === null) return null;
      decision = answer;
    }
  }

  /** Null when the worker died. */
  private attempt(before: RunState, call: RunCall): Decision | null {
    const turn = this.plan.turns[this.callsMade] ?? this.plan.rest;
    this.callsMade += 1;
    if (turn.deniedMs !== null) return wait(before, this.nowMs + turn.deniedMs, this.context());
    const state = beginCall(before, call, this.nowMs);
    if (call === 'create') this.stored = state;
    this.nowMs += turn.tookMs;
    switch (turn.result) {
      case 'answered':
        return this.decide(state, this.process(call, state));
      case 'died':
        if (turn.processed) this.process(call, state);
        this.nowMs += 5000;
        this.stalled = true;
        return null;
      case 'unclear':
        if (turn.processed) this.process(call, state);
        break;
      case 'unauthorized':
      case 'not_found':
      case 'throttled':
      case 'conflict':
      case 'refused':
      case 'unavailable':
        break;
      default: {
        const never: never = turn.result;
        return never;
      }
    }
    const fault = aFault(turn.result, { retryAfterMs: turn.retryAfterMs });
    return this.decide(state, { type: 'faulted', call, fault });
  }

  private process(call: RunCall, state: RunState): RunEvent {
    const known =
      'providerRunId' in state ? this.runs.find(({ id }) => id === state.providerRunId) : undefined;
    switch (call) {
      case 'create': {
        const run = { id: `prov-${this.runs.length + 1}`, atMs: this.nowMs, cancelledAtMs: null };
        this.runs.push(run);
        this.open();
        return { type: 'replied', call, snapshot: this.view(run) };
      }
      case 'find': {
        const visible = this.runs.find(({ atMs }) => this.nowMs >= atMs + this.plan.visibleAfterMs);
        return { type: 'found', snapshot: visible === undefined ? null : this.view(visible) };
      }
      case 'adopt':
        throw new Error('No webhook came for these runs.');
      case 'retrieve':
      case 'submit':
      case 'cancel':
        if (known === undefined) return { type: 'faulted', call, fault: aFault('not_found') };
        if (call === 'cancel' && this.plan.cancelObeyed) known.cancelledAtMs ??= this.nowMs;
        return { type: 'replied', call, snapshot: this.view(known) };
      case 'resume':
        if (known === undefined) return { type: 'faulted', call, fault: aFault('not_found') };
        this.open();
        return { type: 'resumed', seq: this.stream?.toldTo ?? null };
      case 'fetchOutput':
        return { type: 'outputFetched', output: { text: 'Hi.', items: [] } };
      default: {
        const never: never = call;
        return never;
      }
    }
  }

  private view(run: Started): ProviderSnapshot {
    const { plan, nowMs } = this;
    const common = {
      providerRunId: run.id,
      createdAtMs: Math.floor(run.atMs / 1000) * 1000,
      expiresAtMs: plan.expiresAfterMs === null ? null : run.atMs + plan.expiresAfterMs,
      pollAfterMs: plan.pollAfterMs,
    };
    const endAtMs = run.atMs + plan.durationMs;
    if (run.cancelledAtMs !== null && run.cancelledAtMs < endAtMs) {
      const done = nowMs >= run.cancelledAtMs + 700;
      return done ? over('cancelled', common) : running('cancelling', common);
    }
    if (nowMs >= endAtMs) {
      const output = plan.separateOutput ? 'separate' : { text: 'Hi.', items: [] };
      return over(plan.ending, { ...common, output: plan.ending === 'completed' ? output : null });
    }
    return plan.whileRunning === 'pondering'
      ? { ...unheardOf('pondering'), ...common }
      : running(plan.whileRunning, common);
  }

  private decide(state: RunState, event: RunEvent): Decision {
    return decide(state, event, this.context());
  }

  private context(): DecideContext {
    const { nowMs, spec, plan } = this;
    const view = this.stream === null ? {} : { stream: this.stream.view(nowMs) };
    return aContext({ nowMs, spec, canFind: plan.canFind, foundBy: this.foundBy, ...view });
  }
}

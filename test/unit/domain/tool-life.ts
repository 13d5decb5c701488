/**
 * One whole life of a run that asks for tools, in model time: `decide` and the steps around it on one side, on the
 * other a provider that asks round after round, shows old asks for a while, and loses replies as it is told.
 */

import { beginCall, decide } from '../../../src/domain/decide.ts';
import type { DecideContext, Decision, RunCall, RunEvent } from '../../../src/domain/decision.ts';
import { isAsking } from '../../../src/domain/decide-tools.ts';
import type { FaultType } from '../../../src/domain/fault.ts';
import { initialState, type RunOutcome, type RunSpec, type RunState } from '../../../src/domain/run.ts';
import type { ProviderSnapshot, ToolCall } from '../../../src/domain/snapshot.ts';
import { noToolRules, type TimedAnswer, type ToolRules } from '../../../src/domain/tools.ts';
import { aFault, aSpec, over, running, seconds, t0 } from '../../support/fakes/builders.ts';
import { aContext } from './given.ts';

export interface ToolTurn {
  readonly result: 'answered' | 'died' | FaultType;
  /** Of a call that got no answer: whether it had its effect. */
  readonly processed: boolean;
}

export interface ToolPlan {
  readonly kind: 'responses' | 'assistants';
  readonly rounds: number;
  readonly callsARound: number;
  /** What becomes of the calls to the provider, in turn; then all goes well. */
  readonly turns: readonly ToolTurn[];
  /** So often the worker dies right after it has handed calls out. */
  readonly deathsAtHandOut: number;
  /** How long each leg takes between two asks. */
  readonly legMs: number;
  /** How long the provider still shows an ask that was answered. */
  readonly staleMs: number;
  /** From a call's handing out to its answer. */
  readonly toolMs: number;
  /** Whether answers wake the run; else it must look for them. */
  readonly told: boolean;
  readonly failing: boolean;
  readonly rules: Partial<ToolRules>;
  readonly onAmbiguous: RunSpec['onAmbiguous'];
  readonly cancelAtMs: number | null;
}

export interface ToolLife {
  readonly outcome: RunOutcome;
  readonly state: RunState;
  readonly endedAtMs: number;
  /** The rounds under which each call was handed out. */
  readonly handedOut: ReadonlyMap<string, ReadonlySet<number>>;
  /** Submits sent, by the calls that they answer. */
  readonly submits: ReadonlyMap<string, number>;
  /** Submits that had their effect. */
  readonly effects: ReadonlyMap<string, number>;
  /** Calls that were taken back. */
  readonly withdrawn: ReadonlySet<string>;
}

interface Leg {
  readonly id: string;
  /** Rounds that were answered before it. */
  done: number;
  endsAtMs: number;
  staleUntilMs: number;
  cancelled: boolean;
}

const mostSteps = 20_000;
const mostActs = 20;

export function liveWithTools(plan: ToolPlan): ToolLife {
  return new Model(plan).run();
}

class Model {
  private readonly plan: ToolPlan;
  private readonly spec: RunSpec;
  private readonly legs: Leg[] = [];
  private readonly answersAtMs = new Map<string, number>();
  private readonly handedOut = new Map<string, Set<number>>();
  private readonly submits = new Map<string, number>();
  private readonly effects = new Map<string, number>();
  private readonly withdrawn = new Set<string>();
  private nowMs = t0;
  private callsMade = 0;
  private deaths: number;
  private stored: RunState = initialState(t0);
  private stalled = false;

  constructor(plan: ToolPlan) {
    this.plan = plan;
    this.deaths = plan.deathsAtHandOut;
    const routes = { route: { mode: 'queue', url: null }, byName: {} } as const;
    this.spec = aSpec({
      kind: plan.kind,
      deadlineAtMs: t0 + seconds(3600),
      onAmbiguous: plan.onAmbiguous,
      tools: { ...noToolRules, routes, ...plan.rules },
    });
  }

  run(): ToolLife {
    for (let steps = 0; steps < mostSteps; steps += 1) {
      const wokenBy = this.sleep();
      const cancelAtMs = t0 + (this.plan.cancelAtMs ?? Infinity);
      const cancelRequestedAtMs = this.nowMs >= cancelAtMs ? cancelAtMs : null;
      const outcome = this.step({ type: 'activated', wokenBy, cancelRequestedAtMs });
      if (outcome === null) continue;
      const { handedOut, submits, effects, withdrawn, nowMs: endedAtMs, stored: state } = this;
      return { outcome, state, endedAtMs, handedOut, submits, effects, withdrawn };
    }
    throw new Error(`It did not end within ${mostSteps} steps; it is ${JSON.stringify(this.stored)}.`);
  }

  private sleep(): 'tools' | null {
    const dueAtMs = this.stalled ? this.nowMs : Math.max(this.nowMs, this.stored.wakeAtMs);
    this.stalled = false;
    const wakes = this.plan.told ? [...this.answersAtMs.values()].filter((ms) => ms > this.nowMs) : [];
    const cancelMs = this.plan.cancelAtMs === null ? Infinity : t0 + this.plan.cancelAtMs;
    const asideMs = Math.min(...wakes, cancelMs > this.nowMs ? cancelMs : Infinity);
    const woken = asideMs <= dueAtMs;
    this.nowMs = Math.min(asideMs, dueAtMs);
    return woken ? 'tools' : null;
  }

  private step(event: RunEvent): RunOutcome | null {
    let before = this.stored;
    let decision = this.decide(before, event);
    for (let acts = 0; acts < mostActs; acts += 1) {
      const { state, next } = decision;
      if (isAsking(before) && !isAsking(state)) for (const { id } of before.toolCalls) this.withdrawn.add(id);
      before = state;
      switch (next.type) {
        case 'settle':
          throw new Error('It was over before.');
        case 'end':
          this.stored = state;
          return next.outcome;
        case 'wait':
          this.stored = state;
          return null;
        case 'handOut':
          if (!this.handOut(state, next.calls)) return null;
          decision = this.decide(state, { type: 'handedOut' });
          break;
        case 'collect':
          decision = this.decide(state, { type: 'collected', answers: this.answers() });
          break;
        case 'call': {
          const [held, answer] = this.attempt(state, next.call);
          if (answer === null) return null;
          before = held;
          decision = this.decide(held, answer);
          break;
        }
        default: {
          const never: never = next;
          return never;
        }
      }
    }
    throw new Error('The step goes round in circles.');
  }

  /** False when the worker died of it. */
  private handOut(state: RunState, calls: readonly ToolCall[]): boolean {
    for (const { id } of calls) {
      const rounds = this.handedOut.get(id) ?? new Set();
      rounds.add(state.tools?.round ?? 0);
      this.handedOut.set(id, rounds);
      if (!this.answersAtMs.has(id)) this.answersAtMs.set(id, this.nowMs + this.plan.toolMs);
    }
    if (this.deaths === 0) return true;
    this.deaths -= 1;
    this.die();
    return false;
  }

  private answers(): ReadonlyMap<string, TimedAnswer> {
    const answer = this.plan.failing ? { error: { code: 'tool_failed', message: 'No.' } } : { output: '42' };
    const found = [...this.answersAtMs].filter(([, atMs]) => atMs <= this.nowMs);
    return new Map(found.map(([id, endedAtMs]) => [id, { answer, startedAtMs: null, endedAtMs }]));
  }

  private attempt(before: RunState, call: RunCall): [RunState, RunEvent | null] {
    const turn = this.plan.turns[this.callsMade] ?? { result: 'answered', processed: true };
    this.callsMade += 1;
    const state = beginCall(before, call, this.nowMs);
    if (call === 'create' || call === 'submit') this.stored = state;
    if (call === 'submit') this.count(this.submits, callIdsOf(state));
    this.nowMs += 50;
    if (turn.result === 'answered') return [state, this.process(call, state)];
    if (turn.processed && (turn.result === 'died' || turn.result === 'unclear')) this.process(call, state);
    if (turn.result === 'died') {
      this.die();
      return [state, null];
    }
    return [state, { type: 'faulted', call, fault: aFault(turn.result) }];
  }

  private die(): void {
    this.nowMs += 5000;
    this.stalled = true;
  }

  private count(counts: Map<string, number>, key: string): void {
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }

  private process(call: RunCall, state: RunState): RunEvent {
    const at = state.phase === 'creating' ? state.continues?.providerRunId : undefined;
    const ref = 'providerRunId' in state ? state.providerRunId : at;
    const leg = this.legs.find(({ id }) => id === ref);
    switch (call) {
      case 'create':
        return { type: 'replied', call, snapshot: this.view(this.start(0)) };
      case 'submit': {
        const ids = callIdsOf(state);
        if (leg === undefined || this.idsOf(leg) !== ids || this.nowMs < leg.endsAtMs)
          return { type: 'faulted', call, fault: aFault('refused') };
        this.count(this.effects, ids);
        return { type: 'replied', call, snapshot: this.view(this.goOn(leg)) };
      }
      case 'retrieve':
      case 'cancel':
        if (leg === undefined) return { type: 'faulted', call, fault: aFault('not_found') };
        // What is over stays as it is.
        if (call === 'cancel' && (this.plan.kind === 'assistants' || this.nowMs < leg.endsAtMs))
          leg.cancelled = true;
        return { type: 'replied', call, snapshot: this.view(leg) };
      case 'fetchOutput':
      case 'find':
      case 'adopt':
      case 'resume':
      default:
        throw new Error(`Nobody calls ${call} here.`);
    }
  }

  private start(done: number): Leg {
    const id = `prov-${this.legs.length + 1}`;
    const leg = { id, done, endsAtMs: this.nowMs + this.plan.legMs, staleUntilMs: 0, cancelled: false };
    this.legs.push(leg);
    return leg;
  }

  private goOn(leg: Leg): Leg {
    if (this.plan.kind === 'responses') return this.start(leg.done + 1);
    leg.done += 1;
    leg.endsAtMs = this.nowMs + this.plan.legMs;
    leg.staleUntilMs = this.nowMs + this.plan.staleMs;
    return leg;
  }

  private callsOf(leg: Leg, round: number): readonly ToolCall[] {
    const prefix = this.plan.kind === 'responses' ? leg.id : 'run';
    return Array.from({ length: this.plan.callsARound }, (_, i) => ({
      id: `${prefix}-${round}-${i}`,
      name: 'add',
      arguments: '{}',
    }));
  }

  private idsOf(leg: Leg): string {
    return this.callsOf(leg, leg.done)
      .map(({ id }) => id)
      .join();
  }

  private view(leg: Leg): ProviderSnapshot {
    const { plan, nowMs } = this;
    const common = {
      providerRunId: leg.id,
      createdAtMs: t0,
      usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 },
    };
    if (leg.cancelled) return over('cancelled', common);
    if (nowMs < leg.staleUntilMs)
      return running('requires_action', { ...common, toolCalls: this.callsOf(leg, leg.done - 1) });
    if (nowMs < leg.endsAtMs) return running('in_progress', common);
    if (leg.done >= plan.rounds) return over('completed', common);
    const toolCalls = this.callsOf(leg, leg.done);
    return plan.kind === 'responses'
      ? over('completed', { ...common, toolCalls })
      : running('requires_action', { ...common, toolCalls });
  }

  private decide(state: RunState, event: RunEvent): Decision {
    return decide(state, event, this.context());
  }

  private context(): DecideContext {
    return aContext({ nowMs: this.nowMs, spec: this.spec });
  }
}

function callIdsOf(state: RunState): string {
  const calls =
    state.phase === 'creating' ? state.continues?.toolCalls : 'toolCalls' in state ? state.toolCalls : [];
  return (calls ?? []).map(({ id }) => id).join();
}

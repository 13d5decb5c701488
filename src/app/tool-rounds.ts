/** The rounds of tools of one run: hands calls out, collects answers, takes calls back. */

import type { RunSpec, RunState } from '../domain/run.ts';
import type { ToolCall } from '../domain/snapshot.ts';
import { fitAnswers, outputsOf } from '../domain/tool-outputs.ts';
import {
  routeOf,
  type TimedAnswer,
  type ToolCallRef,
  type ToolMode,
  type ToolOutput,
  type ToolOutputLimits,
} from '../domain/tools.ts';
import type { ToolAnswers, ToolCallJob, ToolDispatcher } from '../ports/tool-calls.ts';

export interface ToolDeps {
  readonly answers: ToolAnswers;
  /** Calls of a mode without one wait for `POST /v1/runs/{id}/tool-outputs`. */
  readonly dispatchers: Partial<Readonly<Record<ToolMode, ToolDispatcher>>>;
}

type CallName = Pick<ToolCall, 'id' | 'name'>;

/** Of one activation. Every method throws what the store throws. */
export class ToolRounds {
  private readonly spec: RunSpec;
  private readonly limits: ToolOutputLimits;
  private readonly deps: ToolDeps;

  constructor(spec: RunSpec, limits: ToolOutputLimits, deps: ToolDeps) {
    this.spec = spec;
    this.limits = limits;
    this.deps = deps;
  }

  /** May be done again after a crash: what was answered in the meantime is not asked again. */
  async handOut(state: RunState, calls: readonly ToolCall[]): Promise<void> {
    const { answers } = this.deps;
    const round = roundOf(state);
    await answers.open(this.spec.id, round, calls);
    const open = new Set((await answers.unanswered(this.spec.id, round)).map(({ id }) => id));
    const jobs = calls.filter(({ id }) => open.has(id)).map((call) => this.jobOf(state, call));
    await this.each(jobs, (dispatcher, own) => dispatcher.dispatch(own));
  }

  /** `thorough`: also those that came while nobody listened. */
  async collect(state: RunState, thorough: boolean): Promise<ReadonlyMap<string, TimedAnswer>> {
    const found = await this.read(state);
    const missing = this.refsOf(state, callsOf(state)).filter(({ toolCallId }) => !found.has(toolCallId));
    if (!thorough || missing.length === 0) return found;
    let late = 0;
    await this.each(missing, async (dispatcher, own) => {
      for (const answer of await dispatcher.reconcile(own)) {
        await this.deps.answers.keep(answer);
        late += 1;
      }
    });
    return late > 0 ? await this.read(state) : found;
  }

  async outputs(state: RunState): Promise<readonly ToolOutput[]> {
    return outputsOf(callsOf(state), await this.read(state));
  }

  /** Nobody waits for the answers to these calls of its round any more. */
  async withdraw(state: RunState, calls: readonly CallName[]): Promise<void> {
    await this.each(this.refsOf(state, calls), (dispatcher, own) => dispatcher.withdraw(own));
  }

  private async read(state: RunState): Promise<ReadonlyMap<string, TimedAnswer>> {
    const ids = callsOf(state).map(({ id }) => id);
    return fitAnswers(await this.deps.answers.read(this.spec.id, roundOf(state), ids), this.limits);
  }

  private async each<C extends ToolCallRef & { readonly name: string }>(
    calls: readonly C[],
    act: (dispatcher: ToolDispatcher, own: readonly C[]) => Promise<void>,
  ): Promise<void> {
    for (const [mode, own] of Map.groupBy(calls, ({ name }) => routeOf(this.spec.tools, name).mode)) {
      const dispatcher = this.deps.dispatchers[mode];
      if (dispatcher !== undefined) await act(dispatcher, own);
    }
  }

  private refsOf(
    state: RunState,
    calls: readonly CallName[],
  ): readonly (ToolCallRef & { readonly name: string })[] {
    const round = roundOf(state);
    return calls.map(({ id, name }) => ({ runId: this.spec.id, round, toolCallId: id, name }));
  }

  private jobOf(state: RunState, call: ToolCall): ToolCallJob {
    const { id: runId, deadlineAtMs, priority, label, metadata, tools } = this.spec;
    const expiresAtMs = state.phase === 'following' ? state.expiresAtMs : null;
    return {
      runId,
      round: roundOf(state),
      toolCallId: call.id,
      name: call.name,
      arguments: call.arguments,
      deadlineAtMs: Math.min(deadlineAtMs, expiresAtMs ?? Infinity),
      url: routeOf(tools, call.name).url,
      priority,
      label,
      metadata,
    };
  }
}

function roundOf({ tools }: RunState): number {
  return tools?.round ?? 0;
}

function callsOf(state: RunState): readonly ToolCall[] {
  if (state.phase === 'following') return state.toolCalls;
  return state.phase === 'creating' ? (state.continues?.toolCalls ?? []) : [];
}

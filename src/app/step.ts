/** The turns of one step: from decision to decision, until the run waits or has ended. */

import { decide } from '../domain/decide.ts';
import { outOfReach } from '../domain/decide-fault.ts';
import { isAsking } from '../domain/decide-tools.ts';
import {
  type DecideContext,
  type Decision,
  end,
  endedState,
  postpone,
  type RunCall,
  type RunEvent,
  withoutPermit,
} from '../domain/decision.ts';
import { internalOutcome, rejectedOutcome } from '../domain/outcome.ts';
import type { RunPolicy } from '../domain/policy.ts';
import { leftCalls } from '../domain/open-calls.ts';
import { onAccount, unknownAccount } from '../domain/run-account.ts';
import { type HeldPermit, type RunOutcome, type RunSpec, type RunState } from '../domain/run.ts';
import type { RunKind } from '../domain/status.ts';
import { noted, notesOf } from '../domain/tool-notes.ts';
import type { Account, Accounts } from '../ports/accounts.ts';
import type { Clock, Randomness } from '../ports/clock.ts';
import type { ProviderRequest, RequestRules } from '../ports/run-provider.ts';
import type { Activation } from '../ports/run-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { askPermit } from './ask-permit.ts';
import { type Polling, withTraits } from './polling.ts';
import { ProviderCalls, type Sent } from './provider-calls.ts';
import { tellCaller } from './callbacks.ts';
import { reportTools } from './report-tools.ts';
import type { OpenLook, SharedLooks } from './shared-looks.ts';
import { StepStream, type StepStreamDeps } from './step-stream.ts';
import { settle, type SettleDeps } from './settle.ts';
import { settleFormer, settleLast } from './tokens.ts';
import { tellStatus } from './tell-status.ts';
import { noteUnknownStatus } from './unknown-status.ts';
import { type ToolDeps, ToolRounds } from './tool-rounds.ts';

export interface StepDeps extends SettleDeps, StepStreamDeps {
  readonly kinds: Readonly<Record<RunKind, RequestRules>>;
  readonly accounts: Accounts;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly telemetry: Telemetry;
  readonly policy: RunPolicy;
  readonly polling: Polling;
  readonly tools: ToolDeps;
  readonly looks: SharedLooks;
}

/** `parked`: the job waits for its next time. `ended`: the outcome stands and everybody was told. */
export type Advanced =
  | { readonly type: 'parked' }
  | { readonly type: 'ended'; readonly state: RunState; readonly outcome: RunOutcome };

/** More calls than any life needs in one activation (create, cancel, retrieve, output): past it, a bug goes round. */
const maxCallsAStep = 6;

export class Step {
  private readonly activation: Activation;
  private readonly spec: RunSpec;
  private readonly deps: StepDeps;
  private foundBy: DecideContext['foundBy'];
  private readonly rules: RequestRules;
  private readonly calls: ProviderCalls;
  private readonly stream: StepStream;
  private readonly tools: ToolRounds;
  private readonly thorough: boolean;
  private request: ProviderRequest | null = null;
  private state: RunState;

  constructor(activation: Activation, deps: StepDeps, foundBy: DecideContext['foundBy'], thorough: boolean) {
    this.activation = activation;
    this.deps = deps;
    this.foundBy = foundBy;
    this.rules = deps.kinds[activation.spec.kind];
    this.stream = new StepStream(activation, deps);
    this.calls = new ProviderCalls(activation, this.stream, deps);
    this.thorough = thorough;
    this.tools = new ToolRounds(activation.spec, this.rules.toolOutputLimits, deps.tools);
    this.spec = withTraits(activation, this.rules);
    this.state = activation.state;
  }

  async run(first: RunEvent): Promise<Advanced> {
    const { phase } = this.state;
    // Looks need no request; creates and searches for a lost one do.
    if (phase === 'accepted' || phase === 'creating') await this.loadRequest();
    const told = await this.stream.look();
    if (told !== null) this.foundBy = 'stream';
    let decision = this.decide(told === null ? first : this.learn(told));
    for (let calls = 0; ;) {
      noteUnknownStatus(this.spec.id, this.state, decision.state, this.deps.telemetry);
      const { permit } = this.state;
      const after = await this.noteLast(decision.state);
      await this.takeBack(after);
      this.state = after;
      switch (decision.next.type) {
        case 'wait':
          await this.park();
          return { type: 'parked' };
        case 'end':
          return this.end(this.state, decision.next.outcome, permit);
        case 'settle':
          return this.settleAgain();
        case 'call': {
          calls += 1;
          if (calls > maxCallsAStep) throw new Error('The run made too many calls in one step.');
          decision = await this.callWhenPermitted(decision.next.call);
          break;
        }
        case 'handOut':
          await this.tools.handOut(this.state, decision.next.calls);
          decision = this.decide({ type: 'handedOut' });
          break;
        case 'collect':
          decision = await this.collect();
          break;
        default: {
          const never: never = decision.next;
          return never;
        }
      }
    }
  }

  /** What had been answered when the run stopped waiting is of its record too. */
  private async noteLast(after: RunState): Promise<RunState> {
    const left = isAsking(this.state) ? leftCalls(this.state, after) : [];
    if (left.length === 0) return after;
    const known = noted(after, notesOf(after, left, await this.tools.collect(this.state, false)));
    reportTools(this.spec, after, known, this.deps.telemetry);
    return known;
  }

  private async takeBack(after: RunState): Promise<void> {
    const withdrawn = this.tools.withdraw(this.state, leftCalls(this.state, after));
    if (isAsking(this.state)) return await withdrawn;
    // What is known of a submit must not be lost over this; old jobs go by themselves.
    await withdrawn.catch((error: unknown) => {
      const message = 'Tool calls that nobody waits for could not be taken back';
      this.deps.telemetry.log('warn', message, { runId: this.spec.id, error });
    });
  }

  private async collect(): Promise<Decision> {
    const answers = await this.tools.collect(this.state, this.thorough);
    const decision = this.decide({ type: 'collected', answers });
    reportTools(this.spec, this.state, decision.state, this.deps.telemetry);
    return decision;
  }

  private async callWhenPermitted(call: RunCall): Promise<Decision> {
    if (call !== 'retrieve') return await this.callAlone(call, null);
    const seat = await this.deps.looks.seat(this.state, this.spec.kind, this.deps.accounts);
    if (seat.type === 'later') return postpone(this.state, seat.untilMs, null, this.context());
    if (seat.type === 'seen')
      return this.decide(this.learn({ type: 'replied', call, snapshot: seat.snapshot }));
    try {
      return await this.callAlone(call, seat.look);
    } finally {
      seat.look?.end();
    }
  }

  private async callAlone(call: RunCall, look: OpenLook | null): Promise<Decision> {
    const { spec, state } = this;
    if (call === 'submit') await this.loadRequest();
    const outputs = call === 'submit' ? await this.tools.outputs(state) : [];
    const { request } = this;
    const goesFirst = call === 'retrieve' && this.deps.polling.goesFirst(spec, state.account);
    const asking = { spec, state, request, outputs, goesFirst };
    const admission = await askPermit(asking, call, this.deps.accounts);
    switch (admission.type) {
      case 'unknown':
        return this.withoutAccount(admission.name);
      case 'wait': {
        const { account, untilMs, permit } = admission;
        look?.refused(untilMs);
        const placed = permit === null ? state : onAccount(state, account.name);
        return postpone(placed, untilMs, permit, this.context());
      }
      case 'granted':
        if (call === 'retrieve' && this.foundBy === 'poll')
          this.deps.polling.permitted(spec, this.state, admission.waitedMs, this.deps.clock.nowMs());
        return look?.isShared() === true
          ? await this.lookTogether(look, admission.account)
          : await this.call(call, admission.account, { request: request ?? {}, outputs });
      default: {
        const never: never = admission;
        return never;
      }
    }
  }

  private async call(call: RunCall, account: Account, sent: Sent): Promise<Decision> {
    this.state = onAccount(withoutPermit(this.state), account.name);
    const event = await this.calls.perform(call, account, this.state, sent, (state) => {
      this.state = state;
    });
    return this.decide(this.learn(event));
  }

  private async lookTogether(look: OpenLook, account: Account): Promise<Decision> {
    const event = await this.calls.lookTogether(look, account, withoutPermit(this.state), (state) => {
      this.state = state;
    });
    return event === null ? await this.callAlone('retrieve', null) : this.decide(this.learn(event));
  }

  /** Its key was taken out of the configuration, or a foreign producer named what nobody has. */
  private withoutAccount(name: string): Decision {
    const fault = unknownAccount(name);
    if (this.state.lastFault?.code !== fault.code) {
      const fields = { runId: this.spec.id, account: name };
      this.deps.telemetry.log('warn', 'A run names an account that this worker does not have', fields);
    }
    return this.state.phase === 'accepted'
      ? end(this.state, rejectedOutcome(fault, this.deps.clock.nowMs()), this.context())
      : outOfReach(this.state, fault, this.context());
  }

  private async park(): Promise<void> {
    this.deps.polling.parked(this.spec, this.activation.state, this.state, this.deps.clock.nowMs());
    await tellCaller(this.spec, this.activation.state, this.state, this.deps);
    await this.activation.park(this.state);
    await tellStatus(this.spec.id, this.activation.state, this.state, this.deps);
  }

  async fail(message: string): Promise<Advanced> {
    const nowMs = this.deps.clock.nowMs();
    const outcome = internalOutcome(message, nowMs);
    return await this.end(endedState(this.state, outcome, nowMs), outcome, this.state.permit);
  }

  private async loadRequest(): Promise<void> {
    this.request ??= await this.activation.loadRequest();
    if (this.request === null) throw new Error('The stored request of this run is gone.');
  }

  private async end(state: RunState, outcome: RunOutcome, unused: HeldPermit | undefined): Promise<Advanced> {
    this.state = state;
    const written = await this.activation.commit(state, outcome);
    if (!written) return this.settleAgain();
    // After the commit, and only a permit that was not used: a slot must not be given twice, also after a crash.
    if (unused !== undefined) this.deps.accounts.of(state.account)?.gate.giveBack(unused.ticket);
    settleLast(this.spec, state, outcome, unused, this.deps.accounts);
    this.deps.telemetry.runEnded(this.activation.spec, state, outcome);
    const report = this.deps.polling.report(this.spec, state, outcome);
    if (report !== null) this.deps.telemetry.polled(report);
    await this.stream.end();
    await settle({ spec: this.activation.spec, state: this.state, outcome }, this.deps);
    return { type: 'ended', state: this.state, outcome };
  }

  private async settleAgain(): Promise<Advanced> {
    const outcome = await this.activation.outcome();
    if (outcome === null) throw new Error('The run is marked as ended, but has no outcome.');
    await this.stream.end();
    await settle({ spec: this.activation.spec, state: this.state, outcome }, this.deps);
    return { type: 'ended', state: this.state, outcome };
  }

  private learn(event: RunEvent): RunEvent {
    this.deps.polling.learn(this.spec, this.state, event, this.deps.clock.nowMs());
    return event;
  }

  private decide(event: RunEvent): Decision {
    const decision = decide(this.state, event, this.context());
    settleFormer(this.spec, this.state, decision.state, this.deps.accounts);
    return decision;
  }

  private context(): DecideContext {
    const { deps, activation } = this;
    return {
      nowMs: deps.clock.nowMs(),
      random: deps.randomness.next(),
      spec: activation.spec,
      policy: deps.policy,
      schedule: this.deps.polling.scheduleFor(this.spec, this.state.account),
      willBeTold: deps.polling.willBeTold(this.spec, this.state.account),
      canMove: this.deps.accounts.hasOther(this.spec.account, this.state.account ?? ''),
      canFind: this.request !== null && this.rules.canFind(this.request),
      foundBy: this.foundBy,
      ...(this.stream.view === undefined ? {} : { stream: this.stream.view }),
    };
  }
}

/** One call to a provider, from the state that is written before it to the event that comes of it. */

import { beginCall, operationOf } from '../domain/decide.ts';
import type { RunCall, RunEvent } from '../domain/decision.ts';
import { type FaultDetails, isProviderFault } from '../domain/fault.ts';
import type { RunState } from '../domain/run.ts';
import type { ProviderSnapshot } from '../domain/snapshot.ts';
import type { Account } from '../ports/accounts.ts';
import type { Clock } from '../ports/clock.ts';
import type { RunProvider, ToolSubmission } from '../ports/run-provider.ts';
import type { Activation } from '../ports/run-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { candidateOf, refOf } from './run-calls.ts';
import type { OpenLook } from './shared-looks.ts';
import type { StepStream } from './step-stream.ts';
import { shareFault } from './share-fault.ts';

export interface ProviderCallDeps {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** A create sent later than this after its intent might meet another worker's: see `docs/architecture.md`. */
const maxIntentAgeMs = 2000;

/** What creates and submits send. */
export type Sent = Pick<ToolSubmission, 'request' | 'outputs'>;

export class ProviderCalls {
  private readonly activation: Activation;
  private readonly stream: StepStream;
  private readonly deps: ProviderCallDeps;

  constructor(activation: Activation, stream: StepStream, deps: ProviderCallDeps) {
    this.activation = activation;
    this.stream = stream;
    this.deps = deps;
  }

  /**
   * `hold` is given the state to hold while the call is out, also when the call then throws. Throws what the store
   * throws, and what is no `ProviderFault`.
   */
  async perform(
    call: RunCall,
    account: Account,
    before: RunState,
    sent: Sent,
    hold: (state: RunState) => void,
  ): Promise<RunEvent> {
    const { clock, telemetry } = this.deps;
    const state = beginCall(before, call, clock.nowMs());
    hold(state);
    // What may be done though its reply is lost is on record before it is sent.
    if (call === 'create' || call === 'submit') {
      await this.activation.save(state);
      if (this.isLate(state)) {
        hold({ ...state, calls: before.calls });
        return { type: 'faulted', call, fault: heldUp };
      }
    }
    // Nobody else will look at it.
    if (call === 'adopt') await this.activation.save(state);
    const operation = operationOf(call);
    const { kind } = this.activation.spec;
    try {
      const event = await this.send(call, account.providers[kind], state, sent);
      if (event.type === 'resumed' && event.seq === null) {
        // Somebody else was first: nothing was sent.
        hold(before);
        return event;
      }
      telemetry.apiCall({ kind, operation, code: '200' });
      if (event.type === 'replied' && event.call === 'adopt') await this.handOver(event.snapshot);
      return event;
    } catch (error) {
      if (!isProviderFault(error)) throw error;
      const fault = error.details;
      telemetry.apiCall({ kind, operation, code: String(fault.httpStatus ?? 'error') });
      await shareFault(fault, { ...this.deps, ...account });
      return { type: 'faulted', call, fault };
    }
  }

  /**
   * One call for all the runs that have joined, counted as one list of this run. Null when it failed or told nothing of
   * this run, which then needs a look of its own: a list may be what a server cannot do.
   */
  async lookTogether(
    look: OpenLook,
    account: Account,
    before: RunState,
    hold: (state: RunState) => void,
  ): Promise<RunEvent | null> {
    const { telemetry } = this.deps;
    const { kind } = this.activation.spec;
    hold({ ...before, calls: { ...before.calls, list: before.calls.list + 1 } });
    try {
      const snapshot = await look.send();
      telemetry.apiCall({ kind, operation: 'list', code: '200' });
      return snapshot === null ? null : { type: 'replied', call: 'retrieve', snapshot };
    } catch (error) {
      if (!isProviderFault(error)) throw error;
      telemetry.apiCall({ kind, operation: 'list', code: String(error.details.httpStatus ?? 'error') });
      await shareFault(error.details, { ...this.deps, ...account });
      return null;
    }
  }

  private async send(
    call: RunCall,
    provider: RunProvider,
    state: RunState,
    { request, outputs }: Sent,
  ): Promise<RunEvent> {
    const { id } = this.activation.spec;
    switch (call) {
      case 'create':
        return { type: 'replied', call, snapshot: await this.stream.create(provider, request) };
      case 'find':
        return { type: 'found', snapshot: await provider.find(request, id) };
      case 'submit': {
        const submission = { ref: refOf(state), outputs, request, runId: id };
        return { type: 'replied', call, snapshot: await this.stream.submit(provider, submission) };
      }
      case 'adopt':
        return { type: 'replied', call, snapshot: await provider.retrieve(candidateOf(state)) };
      case 'retrieve':
      case 'cancel':
        return { type: 'replied', call, snapshot: await provider[call](refOf(state)) };
      case 'resume':
        return await this.stream.resume(provider, state);
      case 'fetchOutput':
        return { type: 'outputFetched', output: await provider.fetchOutput(refOf(state)) };
      default: {
        const never: never = call;
        return never;
      }
    }
  }

  /** What this run was to adopt may be another's, whose create was not answered either. */
  private async handOver({ runId, providerRunId }: ProviderSnapshot): Promise<void> {
    if (runId === undefined || runId === null || runId === this.activation.spec.id) return;
    await this.activation.handOver(runId, providerRunId);
  }

  /** A process that was blocked since it wrote its intent leaves the call to whoever took over. */
  private isLate(state: RunState): boolean {
    return state.phase === 'creating' && this.deps.clock.nowMs() - state.intentAtMs > maxIntentAgeMs;
  }
}

const heldUp: FaultDetails = {
  type: 'unavailable',
  code: 'worker_stalled',
  message: 'The worker was held up between the intent and the create; nothing was sent.',
  httpStatus: null,
  retryAfterMs: null,
};

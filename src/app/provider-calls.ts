/** One call to a provider, from the state that is written before it to the event that comes of it. */

import { beginCall, operationOf } from '../domain/decide.ts';
import type { RunCall, RunEvent } from '../domain/decision.ts';
import { isProviderFault } from '../domain/fault.ts';
import type { RunState } from '../domain/run.ts';
import type { Account } from '../ports/accounts.ts';
import type { Clock } from '../ports/clock.ts';
import type { ProviderRequest, RunProvider } from '../ports/run-provider.ts';
import type { Activation } from '../ports/run-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { refOf } from './run-calls.ts';
import { shareFault } from './share-fault.ts';

export interface ProviderCallDeps {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** A create sent later than this after its intent might meet another worker's: see `docs/architecture.md`. */
const maxIntentAgeMs = 2000;

export class ProviderCalls {
  private readonly activation: Activation;
  private readonly deps: ProviderCallDeps;

  constructor(activation: Activation, deps: ProviderCallDeps) {
    this.activation = activation;
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
    request: ProviderRequest,
    hold: (state: RunState) => void,
  ): Promise<RunEvent> {
    const { clock, telemetry } = this.deps;
    const state = beginCall(before, call, clock.nowMs());
    hold(state);
    if (call === 'create') {
      await this.activation.save(state);
      const tooLate = this.lateIntent(state);
      if (tooLate !== null) {
        hold({ ...state, calls: before.calls });
        return tooLate;
      }
    }
    const operation = operationOf(call);
    const { kind } = this.activation.spec;
    try {
      const event = await this.send(call, account.providers[kind], state, request);
      telemetry.apiCall({ kind, operation, code: '200' });
      return event;
    } catch (error) {
      if (!isProviderFault(error)) throw error;
      const fault = error.details;
      telemetry.apiCall({ kind, operation, code: String(fault.httpStatus ?? 'error') });
      await shareFault(fault, { ...this.deps, ...account });
      return { type: 'faulted', call, fault };
    }
  }

  private async send(
    call: RunCall,
    provider: RunProvider,
    state: RunState,
    request: ProviderRequest,
  ): Promise<RunEvent> {
    const { id } = this.activation.spec;
    switch (call) {
      case 'create':
        return { type: 'replied', call, snapshot: await provider.create(request, id) };
      case 'find':
        return { type: 'found', snapshot: await provider.find(request, id) };
      case 'retrieve':
      case 'cancel':
        return { type: 'replied', call, snapshot: await provider[call](refOf(state)) };
      case 'fetchOutput':
        return { type: 'outputFetched', output: await provider.fetchOutput(refOf(state)) };
      default: {
        const never: never = call;
        return never;
      }
    }
  }

  /** A process that was blocked since it wrote its intent leaves the create to whoever took over. */
  private lateIntent(state: RunState): RunEvent | null {
    if (state.phase !== 'creating' || this.deps.clock.nowMs() - state.intentAtMs <= maxIntentAgeMs)
      return null;
    const message = 'The worker was held up between the intent and the create; nothing was sent.';
    const fault = {
      type: 'unavailable',
      code: 'worker_stalled',
      message,
      httpStatus: null,
      retryAfterMs: null,
    } as const;
    return { type: 'faulted', call: 'create', fault };
  }
}

import { ActivationLostError } from '../../../src/domain/errors.ts';
import type { RunOutcome, RunSpec, RunState } from '../../../src/domain/run.ts';
import type { JobData } from '../../../src/domain/wire/job-data.ts';
import type { ProviderRequest } from '../../../src/ports/run-provider.ts';
import type { Activation, Signals } from '../../../src/ports/run-store.ts';

/** What the fake store keeps of one run. */
export interface FakeJob {
  readonly spec: RunSpec;
  data: JobData;
  state: RunState;
  outcome: RunOutcome | null;
  redrivenAs?: string;
  /** `gone`: nothing is left to do, as a completed job. */
  place: 'queued' | 'active' | 'gone';
  dueAtMs: number;
  /** Of the activation that holds the run; a new one for each. */
  lock: symbol | null;
  wokenBy: Signals['wokenBy'];
  /** A wake in the hands of the activation: back on record if that is lost. */
  taken: Signals['wokenBy'];
  cancelRequestedAtMs: number | null;
  /** An id at the provider that was handed over to this run. */
  candidate: string | null;
  /** What it took of the unclaimed ones, and for which of its looks: a worker that dies leaves it to the next. */
  claimed?: { readonly look: string; readonly id: string };
  /** What its create was answered, from a worker that had lost the run by then. */
  reply: RunState | null;
  /** States as they were saved, oldest first; for tests. */
  readonly saved: RunState[];
}

/** What an activation needs of its store. */
export interface ActivationHost {
  nowMs(): number;
  /** Ids at the provider that nobody knows. */
  readonly unclaimed: string[];
  handOver(runId: string, providerRunId: string): void;
  /** For whoever waits for the answer to this run's create. */
  leaveReply(job: FakeJob, reply: RunState): void;
  /** Whether no run before this one is open in its lane. */
  isFirstInLane(job: FakeJob): boolean;
  /** Throws while the store is switched off. */
  touch(): Promise<void>;
}

export class FakeActivation implements Activation {
  readonly spec: RunSpec;
  state: RunState;
  readonly inlineRequest: ProviderRequest | null;
  private readonly job: FakeJob;
  private readonly lock: symbol;
  private readonly host: ActivationHost;
  /** When the intent of this activation's create was written. */
  private intentAtMs: number | null = null;

  constructor(job: FakeJob, lock: symbol, host: ActivationHost) {
    this.spec = job.spec;
    this.state = job.state;
    this.inlineRequest = job.data.request ?? null;
    this.job = job;
    this.lock = lock;
    this.host = host;
  }

  async takeSignals(): Promise<Signals> {
    await this.held();
    const { wokenBy, cancelRequestedAtMs } = this.job;
    this.job.wokenBy = null;
    this.job.taken = wokenBy;
    this.state = this.job.reply ?? this.state;
    const candidate = this.takeCandidate(this.state);
    return { wokenBy, cancelRequestedAtMs, ...(candidate === null ? {} : { candidate }) };
  }

  private takeCandidate(state: RunState): string | null {
    if (state.phase !== 'creating' || state.candidate !== undefined) return null;
    if ((state.inspectAfterMs ?? 0) > this.host.nowMs()) return null;
    return this.job.candidate ?? this.claim(`${state.intentAtMs}:${state.inspections ?? 0}`);
  }

  private claim(look: string): string | null {
    const { claimed } = this.job;
    if (claimed?.look === look) return claimed.id;
    const id = this.host.unclaimed.shift();
    if (id === undefined) return null;
    this.job.claimed = { look, id };
    return id;
  }

  async handOver(runId: string, providerRunId: string): Promise<void> {
    await this.host.touch();
    this.host.handOver(runId, providerRunId);
  }

  async takeTurn(): Promise<'free' | 'busy'> {
    await this.host.touch();
    return this.host.isFirstInLane(this.job) ? 'free' : 'busy';
  }

  async loadRequest(): Promise<ProviderRequest | null> {
    await this.host.touch();
    return this.job.data.request === undefined ? null : structuredClone(this.job.data.request);
  }

  async save(state: RunState): Promise<void> {
    await this.held(state);
    this.write(state);
    if (state.phase === 'creating') this.intentAtMs = state.intentAtMs;
  }

  async park(state: RunState): Promise<void> {
    await this.held(state);
    this.write(state);
    this.job.place = 'queued';
    this.job.lock = null;
    this.job.taken = null;
    // Woken since its signals were taken: once more, now.
    this.job.dueAtMs = this.job.wokenBy === null ? state.wakeAtMs : this.host.nowMs();
  }

  async commit(state: RunState, outcome: RunOutcome): Promise<boolean> {
    await this.held(state);
    if (this.job.outcome !== null) return false;
    this.write(state);
    this.job.outcome = structuredClone(outcome);
    return true;
  }

  async outcome(): Promise<RunOutcome | null> {
    await this.host.touch();
    return structuredClone(this.job.outcome);
  }

  private write(state: RunState): void {
    const copy = structuredClone(state);
    this.job.state = copy;
    this.job.reply = null;
    this.job.saved.push(copy);
  }

  private async held(learnt: RunState | null = null): Promise<void> {
    await this.host.touch();
    if (this.job.lock === this.lock) return;
    if (learnt !== null) this.leave(learnt);
    throw new ActivationLostError(`Another worker holds run ${this.spec.id}.`);
  }

  private leave(learnt: RunState): void {
    const { state } = this.job;
    const isAwaited = state.phase === 'creating' && state.intentAtMs === this.intentAtMs;
    if (!isAwaited || learnt.phase === 'creating') return;
    if (learnt.phase !== 'ended') this.host.leaveReply(this.job, learnt);
    else if (learnt.providerRunId !== null) this.host.handOver(this.spec.id, learnt.providerRunId);
  }
}

import type { Job, Worker } from 'bullmq';
import { ActivationLostError } from '../../domain/errors.ts';
import { type RunOutcome, type RunSpec, type RunState, statusOf } from '../../domain/run.ts';
import type { JobData } from '../../domain/wire/job-data.ts';
import { specOf } from '../../domain/wire/spec.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ProviderRequest } from '../../ports/run-provider.ts';
import type { Activation, Signals } from '../../ports/run-store.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { isLostLock } from '../redis-sdk/lost-lock.ts';
import type { RunKeys } from './keys.ts';
import { type LaneMember, Lanes } from './lanes.ts';
import { type LateReply, leaveReply, withReply } from './late-replies.ts';
import { promote } from './promote.ts';
import { canBeAdopted, ProviderIds } from './provider-ids.ts';
import { outcomeOf, stateOf } from './record.ts';
import { loadRequest } from './request.ts';
import type { SentCreates } from './sent-creates.ts';
import { clearWake, commitOutcome, readSignals, saveState } from './scripts.ts';

export interface ActivationDeps {
  readonly worker: Worker;
  readonly client: RedisClient;
  readonly keys: RunKeys;
  readonly clock: Clock;
  readonly defaultDeadlineSeconds: number;
  readonly sent: SentCreates;
  /** Does it again for as long as it fails with `StoreUnavailableError`. */
  readonly persist: <T>(write: () => Promise<T>) => Promise<T>;
}

const wakers = ['webhook', 'stream', 'tools', 'caller', 'lane'] as const;

/** One turn of a run's job on this worker, under the job's lock. */
export class BullmqActivation implements Activation {
  readonly spec: RunSpec;
  state: RunState;
  readonly inlineRequest: ProviderRequest | null;
  private readonly deps: ActivationDeps;
  private readonly id: string;
  private readonly token: string;
  private readonly data: JobData;
  private readonly lanes: Lanes;
  private readonly providerIds: ProviderIds;
  /** The index that lists the run now. */
  private index: string;
  /** The wake that this activation has seen; it answers for no later one. */
  private wake = '';
  /** The create that this activation sends, with what was on record before it. */
  private create: LateReply | null = null;
  private closed = false;

  constructor(deps: ActivationDeps, job: Job, id: string, token: string, data: JobData) {
    this.deps = deps;
    this.id = id;
    this.token = token;
    this.data = data;
    this.lanes = new Lanes(deps.client, deps.keys);
    this.spec = specOf(id, data, {
      queuedAtMs: job.timestamp,
      defaultDeadlineSeconds: deps.defaultDeadlineSeconds,
    });
    this.inlineRequest = data.request ?? null;
    this.state = stateOf(job.progress, this.spec.acceptedAtMs);
    this.index = this.indexOf(this.state);
    this.providerIds = new ProviderIds(deps.client, deps.keys, this.spec, this.state, token);
  }

  /** Lists a run that did not come through our API. */
  async enlist(): Promise<void> {
    const { client, keys } = this.deps;
    await onRedis(async () => {
      await client.zadd(keys.index, 'NX', this.spec.acceptedAtMs, this.id);
      await client.zadd(this.index, 'NX', this.spec.acceptedAtMs, this.id);
    });
  }

  /** The step is over. The worker may use its token for the next job, even for this one: no write goes through any more. */
  close(): void {
    this.closed = true;
  }

  async takeSignals(): Promise<Signals> {
    const { client, keys } = this.deps;
    const found = await onRedis(() => readSignals.run(client, [keys.wake(this.id), keys.job(this.id)], []));
    const [wake, cancelRequestedAt, providerRunId, reply]: unknown[] = Array.isArray(found) ? found : [];
    this.state = withReply(this.state, reply);
    this.wake = typeof wake === 'string' ? wake : '';
    const by = this.wake.split(':')[0];
    const candidate = await this.takeCandidate(typeof providerRunId === 'string' ? providerRunId : null);
    return {
      wokenBy: wakers.find((waker) => waker === by) ?? null,
      cancelRequestedAtMs: typeof cancelRequestedAt === 'string' ? Number(cancelRequestedAt) : null,
      ...(candidate === null ? {} : { candidate }),
    };
  }

  /** `onRecord`: another run has found it, or a worker died before it had written the answer to the create. */
  private async takeCandidate(onRecord: string | null): Promise<string | null> {
    const { state } = this;
    const nowMs = this.deps.clock.nowMs();
    if (!canBeAdopted(this.spec.kind)) return null;
    if (state.phase !== 'creating' || state.candidate !== undefined) return null;
    if ((state.inspectAfterMs ?? 0) > nowMs) return null;
    return onRecord ?? (await onRedis(() => this.providerIds.claim(state, nowMs)));
  }

  async handOver(runId: string, providerRunId: string): Promise<void> {
    const { clock, worker } = this.deps;
    await onRedis(async () => {
      if (await this.providerIds.handOver(this.state, runId, providerRunId, clock.nowMs()))
        await promote(worker, runId);
    });
  }

  async takeTurn(): Promise<'free' | 'busy'> {
    const member = this.laneMember();
    return member === null ? 'free' : await this.lanes.turn(member);
  }

  /** The run has ended, and everybody was told. */
  async leaveLane(): Promise<void> {
    const member = this.laneMember();
    if (member !== null) await this.lanes.leave(member, this.deps.worker);
  }

  private laneMember(): LaneMember | null {
    const { lane, owner } = this.spec;
    return lane === null ? null : { id: this.id, lane, owner };
  }

  async loadRequest(): Promise<ProviderRequest | null> {
    return await onRedis(() => loadRequest(this.deps.client, this.deps.keys, this.id, this.data));
  }

  async save(state: RunState): Promise<void> {
    const to = this.indexOf(state);
    const isCreate = state.phase === 'creating' && state.candidate === undefined;
    if (isCreate) {
      const formerId = state.continues?.providerRunId ?? null;
      this.create = { intentAtMs: state.intentAtMs, formerId, state: this.state };
    }
    const result = await this.runLocked(saveState, to, [JSON.stringify(state), isCreate ? '1' : '']);
    if (result === 'lost') {
      // Of an intent that is lost nothing is sent; it may be on record all the same, when the reply to its write was lost.
      await this.leaveReply(isCreate ? this.state : state);
      throw this.lost();
    }
    if (this.create !== null) this.noteSent(state);
    this.index = to;
  }

  async park(state: RunState): Promise<void> {
    if (this.closed) throw this.lost();
    if (this.create !== null) this.noteSent(state);
    await this.persist(() => this.move(state), state);
    const { worker, client, keys } = this.deps;
    // A wake that came while we were active could not promote us; it can now.
    await this.persist(() =>
      onRedis(async () => {
        const wake = await clearWake.run(client, [keys.wake(this.id)], [this.wake]);
        if (wake === 'again') await promote(worker, this.id);
      }),
    );
  }

  /** What a step has learnt is written as soon as Redis takes it; where the run was lost meanwhile, it is left beside it. */
  private async persist<T>(write: () => Promise<T>, learnt: RunState | null = null): Promise<T> {
    try {
      return await this.deps.persist(write);
    } catch (error) {
      if (error instanceof ActivationLostError && learnt !== null) await this.leaveReply(learnt);
      throw error;
    }
  }

  private async leaveReply(state: RunState): Promise<void> {
    const { create } = this;
    if (create === null || state.phase === 'creating' || this.closed) return;
    const { client, keys, worker } = this.deps;
    await this.deps.persist(async () => {
      // How it has ended, they see for themselves.
      if (state.phase === 'ended') await this.handOverEnded(state.providerRunId, create);
      else await leaveReply(client, keys, worker, this.id, { ...create, state });
    });
  }

  private async handOverEnded(providerRunId: string | null, { formerId }: LateReply): Promise<void> {
    if (providerRunId !== null && providerRunId !== formerId) await this.handOver(this.id, providerRunId);
  }

  private noteSent(state: RunState): void {
    const { create } = this;
    // Refused by the provider, or never sent.
    const isVoid =
      state.phase === 'accepted' || ('providerRunId' in state && state.providerRunId === create?.formerId);
    if (create === null || isVoid) this.deps.sent.drop(this.id);
    else this.deps.sent.note(this.id, { ...create, state }, this.deps.clock.nowMs());
  }

  /** State and time. */
  private async move(state: RunState): Promise<void> {
    const { worker, clock } = this.deps;
    const to = this.indexOf(state);
    await onRedis(async () => {
      await this.link(state);
      if (state.phase === 'creating') await this.providerIds.join(state, clock.nowMs());
      // The move below writes state and time in one script, but cannot touch the index. So the index moves with the state:
      // a worker that dies in between has written whatever it learnt, above all the id of a run that it created.
      if (to !== this.index) await this.save(state);
      const nowMs = clock.nowMs();
      const delayMs = Math.max(1, Math.ceil(state.wakeAtMs - nowMs));
      const options = { skipAttempt: true, fieldsToUpdate: { progress: JSON.stringify(state) } };
      try {
        await worker.getBackend().moveToDelayed(this.id, nowMs, delayMs, this.token, options);
      } catch (error) {
        throw isLostLock(error) ? this.lost() : error;
      }
    });
  }

  /** Before the run leaves the index of those whose create is out: its webhook finds it from then on. */
  private async link(state: RunState): Promise<void> {
    const result = await this.providerIds.link(state, this.deps.clock.nowMs());
    if (result === 'lost') throw this.lost();
    if (result !== '') await promote(this.deps.worker, result);
  }

  async commit(state: RunState, outcome: RunOutcome): Promise<boolean> {
    const { output, ...rest } = outcome;
    const args = [JSON.stringify(state), JSON.stringify(rest), output === null ? '' : JSON.stringify(output)];
    if (this.closed) throw this.lost();
    const write = async (): Promise<unknown> => {
      await onRedis(() => this.link(state));
      const result = await this.runLocked(commitOutcome, this.indexOf(state), args);
      if (result === 'lost') throw this.lost();
      return result;
    };
    // A create that was refused made nothing: it is sent again, and refused again.
    const isRefusal = 'providerRunId' in state && state.providerRunId === null;
    if (isRefusal) this.deps.sent.drop(this.id);
    const learnt = isRefusal ? (this.create?.state ?? null) : state;
    return (await this.persist(write, learnt)) === 'written';
  }

  async outcome(): Promise<RunOutcome | null> {
    const { client, keys } = this.deps;
    const [outcome, output] = await onRedis(() => client.hmget(keys.job(this.id), 'outcome', 'output'));
    return outcomeOf(outcome, output);
  }

  private async runLocked(script: typeof saveState, to: string, args: readonly string[]): Promise<unknown> {
    if (this.closed) throw this.lost();
    const { client, keys } = this.deps;
    const scriptKeys = [keys.lock(this.id), keys.job(this.id), this.index, to, keys.wake(this.id)];
    return await onRedis(() =>
      script.run(client, scriptKeys, [this.token, this.id, this.spec.acceptedAtMs, ...args]),
    );
  }

  private indexOf(state: RunState): string {
    return this.deps.keys.statusIndex(this.spec.kind, statusOf(state));
  }

  private lost(): ActivationLostError {
    return new ActivationLostError(`Another worker has taken over run ${this.id}.`);
  }
}

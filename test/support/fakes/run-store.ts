import { InvalidCursorError, StoreUnavailableError } from '../../../src/domain/errors.ts';
import { initialState, type RunState, statusOf } from '../../../src/domain/run.ts';
import { deadStatuses, type RunKind } from '../../../src/domain/status.ts';
import type { JobData } from '../../../src/domain/wire/job-data.ts';
import { specOf } from '../../../src/domain/wire/spec.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type {
  Activation,
  ListQuery,
  RunCounts,
  RunPage,
  RunRecord,
  RunStore,
} from '../../../src/ports/run-store.ts';
import { FakeActivation, type FakeJob } from './activation.ts';

/** The runs and their queue, in memory. Due times are those of the clock; a test claims what is due itself. */
export class FakeRunStore implements RunStore {
  /** True: every call rejects, as without Redis. */
  unavailable = false;
  /** Ids at the provider that nobody knows, for runs whose create was not answered. */
  readonly unclaimed: string[] = [];
  private readonly clock: Clock;
  private readonly defaultDeadlineSeconds: number;
  private readonly jobs = new Map<string, FakeJob>();

  constructor(clock: Clock, options: { readonly defaultDeadlineSeconds?: number } = {}) {
    this.clock = clock;
    this.defaultDeadlineSeconds = options.defaultDeadlineSeconds ?? 600;
  }

  add(id: string, data: JobData): Promise<void> {
    return this.addMany([{ id, data }]);
  }

  async addMany(runs: readonly { readonly id: string; readonly data: JobData }[]): Promise<void> {
    await this.touch();
    const queuedAtMs = this.clock.nowMs();
    const { defaultDeadlineSeconds } = this;
    for (const { id, data } of runs) {
      if (this.jobs.has(id)) continue;
      this.jobs.set(id, {
        spec: specOf(id, data, { queuedAtMs, defaultDeadlineSeconds }),
        data: structuredClone(data),
        state: initialState(queuedAtMs),
        outcome: null,
        place: 'queued',
        dueAtMs: queuedAtMs,
        lock: null,
        wokenBy: null,
        taken: null,
        cancelRequestedAtMs: null,
        candidate: null,
        reply: null,
        saved: [],
      });
    }
  }

  async get(id: string): Promise<RunRecord | null> {
    await this.touch();
    const job = this.jobs.get(id);
    return job === undefined ? null : recordOf(job);
  }

  async getData(id: string): Promise<JobData | null> {
    await this.touch();
    return structuredClone(this.jobs.get(id)?.data ?? null);
  }

  async list(query: ListQuery): Promise<RunPage> {
    await this.touch();
    const after = query.cursor === undefined ? null : readCursor(query.cursor);
    const found = [...this.jobs.values()]
      .filter((job) => query.kind === undefined || job.spec.kind === query.kind)
      .filter((job) => query.dead !== true || (hasDied(job) && job.redrivenAs === undefined))
      .filter((job) => query.owner === undefined || job.spec.owner === query.owner)
      .filter((job) => query.status === undefined || statusOf(job.state) === query.status)
      .toSorted((a, b) => compareKeys(keyOf(b), keyOf(a)))
      .filter((job) => after === null || compareKeys(keyOf(job), after) < 0);
    const page = found.slice(0, query.limit);
    const last = page.at(-1);
    const nextCursor = last === undefined || page.length === found.length ? null : writeCursor(keyOf(last));
    return { runs: page.map(recordOf), nextCursor };
  }

  async markRedriven(id: string, as: string): Promise<string> {
    await this.touch();
    const job = this.job(id);
    job.redrivenAs ??= as;
    return job.redrivenAs;
  }

  async requestCancel(id: string, nowMs: number): Promise<'requested' | 'ended' | 'missing'> {
    await this.touch();
    const job = this.jobs.get(id);
    if (job === undefined) return 'missing';
    if (job.outcome !== null) return 'ended';
    job.cancelRequestedAtMs ??= nowMs;
    this.ring(job, job.wokenBy ?? 'caller');
    return 'requested';
  }

  async wake(id: string, by: 'webhook' | 'stream' | 'tools'): Promise<boolean> {
    await this.touch();
    const job = this.jobs.get(id);
    if (job === undefined || job.outcome !== null) return false;
    this.ring(job, by);
    return true;
  }

  async counts(): Promise<RunCounts> {
    await this.touch();
    const inFlight: Record<RunKind, number> = { responses: 0, assistants: 0 };
    const dead: Record<RunKind, number> = { responses: 0, assistants: 0 };
    const jobs: Record<string, number> = { waiting: 0, delayed: 0, active: 0, completed: 0 };
    for (const job of this.jobs.values()) {
      const place = this.stateOfJob(job);
      jobs[place] = (jobs[place] ?? 0) + 1;
      if (place !== 'completed') inFlight[job.spec.kind] += 1;
      else if (hasDied(job)) dead[job.spec.kind] += 1;
    }
    return { inFlight, jobs, dead };
  }

  // The worker's side, for tests.

  /** Takes the run that has been due longest (or this one, if it is due) into a new activation. */
  claim(id?: string): Activation | null {
    const due = [...this.jobs.values()]
      .filter((job) => job.place === 'queued' && job.dueAtMs <= this.clock.nowMs())
      .filter((job) => id === undefined || job.spec.id === id)
      .toSorted((a, b) => a.dueAtMs - b.dueAtMs);
    const job = due[0];
    if (job === undefined) return null;
    const lock = Symbol(job.spec.id);
    job.place = 'active';
    job.lock = lock;
    return new FakeActivation(job, lock, {
      nowMs: () => this.clock.nowMs(),
      isFirstInLane: (asking) => asking.spec.lane === null || this.lane(asking)[0] === asking,
      touch: () => this.touch(),
      unclaimed: this.unclaimed,
      handOver: (runId, providerRunId) => {
        const other = this.jobs.get(runId);
        if (other === undefined || other.outcome !== null || other.state.phase !== 'creating') return;
        other.candidate = providerRunId;
        this.ring(other, 'webhook');
      },
      leaveReply: (of, reply) => {
        of.reply = structuredClone(reply);
        this.ring(of, 'caller');
      },
    });
  }

  /** The worker of this run stalls: its writes are refused from now on, and the run is due again. */
  loseActivation(id: string): void {
    const job = this.job(id);
    job.lock = null;
    job.wokenBy ??= job.taken;
    job.taken = null;
    job.place = 'queued';
    job.dueAtMs = this.clock.nowMs();
  }

  /** The worker is done with a run that has ended. */
  finish(id: string): void {
    const job = this.job(id);
    if (job.outcome === null) throw new Error(`Run ${id} has no outcome.`);
    const next = this.lane(job).find((other) => other !== job);
    job.place = 'gone';
    job.lock = null;
    if (next?.state.phase === 'accepted') this.ring(next, 'lane');
  }

  /** When the run is due; null while it is active or when it is over. */
  dueAtMs(id: string): number | null {
    const job = this.job(id);
    return job.place === 'queued' ? job.dueAtMs : null;
  }

  /** When the next of all runs is due; null when none is waiting. */
  nextDueAtMs(): number | null {
    const due = [...this.jobs.values()].filter(({ place }) => place === 'queued').map((job) => job.dueAtMs);
    return due.length === 0 ? null : Math.min(...due);
  }

  /** Every state that was written for this run, oldest first. */
  savedStates(id: string): readonly RunState[] {
    return this.job(id).saved;
  }

  /** As after its retention time. */
  remove(id: string): void {
    this.jobs.delete(id);
  }

  /** The request is gone, though the run is not. */
  removeRequest(id: string): void {
    const { request: _request, ...rest } = this.job(id).data;
    this.job(id).data = rest;
  }

  private job(id: string): FakeJob {
    const job = this.jobs.get(id);
    if (job === undefined) throw new Error(`The fake store has no run ${id}.`);
    return job;
  }

  /** The open runs of a job's lane, in order. */
  private lane({ spec: { lane, owner } }: FakeJob): FakeJob[] {
    if (lane === null) return [];
    return [...this.jobs.values()].filter(
      ({ spec, place }) => place !== 'gone' && spec.lane === lane && spec.owner === owner,
    );
  }

  private ring(job: FakeJob, by: FakeJob['wokenBy']): void {
    job.wokenBy = by;
    if (job.place === 'queued') job.dueAtMs = Math.min(job.dueAtMs, this.clock.nowMs());
  }

  private stateOfJob(job: FakeJob): 'waiting' | 'delayed' | 'active' | 'completed' {
    if (job.outcome !== null) return 'completed';
    if (job.place === 'active') return 'active';
    return job.dueAtMs <= this.clock.nowMs() ? 'waiting' : 'delayed';
  }

  private async touch(): Promise<void> {
    // Never in the caller's own turn, as nothing over a network is.
    await Promise.resolve();
    if (this.unavailable) throw new StoreUnavailableError('The run store is switched off.');
  }
}

function recordOf(job: FakeJob): RunRecord {
  const { redrivenAs } = job;
  return {
    spec: job.spec,
    state: structuredClone(job.state),
    outcome: structuredClone(job.outcome),
    ...(redrivenAs === undefined ? {} : { redrivenAs }),
  };
}

function hasDied({ outcome }: FakeJob): boolean {
  return deadStatuses.some((status) => status === outcome?.status);
}

type Key = readonly [acceptedAtMs: number, id: string];

function keyOf({ spec }: FakeJob): Key {
  return [spec.acceptedAtMs, spec.id];
}

function compareKeys(a: Key, b: Key): number {
  if (a[0] !== b[0]) return a[0] - b[0];
  if (a[1] === b[1]) return 0;
  return a[1] < b[1] ? -1 : 1;
}

function writeCursor([acceptedAtMs, id]: Key): string {
  return Buffer.from(`${acceptedAtMs} ${id}`).toString('base64url');
}

function readCursor(cursor: string): Key {
  const match = /^(\d+) (.+)$/.exec(Buffer.from(cursor, 'base64url').toString());
  if (match?.[1] === undefined || match[2] === undefined)
    throw new InvalidCursorError('The cursor is not one of ours.');
  return [Number(match[1]), match[2]];
}

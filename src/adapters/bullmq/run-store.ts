import type { Queue } from 'bullmq';
import { isAsking } from '../../domain/decide-tools.ts';
import { deadStatuses, openStatuses, type RunKind, runKinds, type RunStatus } from '../../domain/status.ts';
import type { JobData } from '../../domain/wire/job-data.ts';
import type { ListQuery, RunCounts, RunPage, RunRecord, RunStore } from '../../ports/run-store.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import { type RunKeys, runKeys } from './keys.ts';
import { Lanes } from './lanes.ts';
import { parseJobData, recordFields, recordOf } from './record.ts';
import { listRuns } from './run-list.ts';
import { storeRequest } from './request.ts';
import { flagWake, markRedriven, requestCancel } from './scripts.ts';
import { promote } from './promote.ts';
import { RedisToolAnswers } from './tool-answers.ts';

export interface RunStoreOptions {
  readonly queue: Queue;
  /** The connection that `queue` uses, or one like it. */
  readonly client: RedisClient;
  readonly prefix: string;
  /** For jobs of foreign producers that name no deadline; default of the contract 600. */
  readonly defaultDeadlineSeconds: number;
}

/** Runs as BullMQ jobs: a run is its job, and everything of it stands in the job's hash or beside it. */
export class BullmqRunStore implements RunStore {
  private readonly queue: Queue;
  private readonly client: RedisClient;
  private readonly keys: RunKeys;
  private readonly lanes: Lanes;
  private readonly defaultDeadlineSeconds: number;
  private readonly answers: RedisToolAnswers;

  constructor(options: RunStoreOptions) {
    this.queue = options.queue;
    this.client = options.client;
    this.keys = runKeys(options.prefix);
    this.lanes = new Lanes(options.client, this.keys);
    this.defaultDeadlineSeconds = options.defaultDeadlineSeconds;
    this.answers = new RedisToolAnswers(options.client, options.prefix);
  }

  async add(id: string, data: JobData): Promise<void> {
    await this.addMany([{ id, data }]);
  }

  async addMany(runs: readonly { readonly id: string; readonly data: JobData }[]): Promise<void> {
    if (runs.length === 0) return;
    await onRedis(async () => {
      // Index first, job last: a crash in between leaves an entry without a run, which lists pass over.
      const jobs = await Promise.all(
        runs.map(({ id, data }) => storeRequest(this.client, this.keys, id, data)),
      );
      await this.indexAccepted(runs);
      await this.lanes.enter(
        runs.flatMap(({ id, data: { lane, owner } }) => (lane === null ? [] : [{ id, lane, owner }])),
      );
      await this.queue.addBulk(
        runs.map(({ id, data }, at) => ({
          name: data.kind,
          data: jobs[at],
          opts: { jobId: id, ...(data.priority > 0 ? { priority: data.priority } : {}) },
        })),
      );
    });
  }

  async get(id: string): Promise<RunRecord | null> {
    return await onRedis(async () => {
      const fields = await hashFields(this.client, this.keys.job(id), recordFields);
      const record = recordOf(id, fields, this.defaultDeadlineSeconds);
      if (record === null || record.outcome !== null || !isAsking(record.state)) return record;
      const unanswered = await this.answers.unanswered(id, record.state.tools?.round ?? 0);
      return { ...record, unanswered };
    });
  }

  async getData(id: string): Promise<JobData | null> {
    return await onRedis(async () => {
      const [text] = await hashFields(this.client, this.keys.job(id), ['data']);
      if (typeof text !== 'string') return null;
      const data = parseJobData(JSON.parse(text));
      if (data?.request_stored !== true) return data;
      const request = await this.client.get(this.keys.request(id));
      if (request === null) return null;
      const { request_stored: _stored, ...rest } = data;
      return { ...rest, request: JSON.parse(request) };
    });
  }

  async markRedriven(id: string, as: string): Promise<string> {
    const stands = await onRedis(() => markRedriven.run(this.client, [this.keys.job(id)], [as]));
    return typeof stands === 'string' && stands !== 'missing' ? stands : as;
  }

  async list(query: ListQuery): Promise<RunPage> {
    return await onRedis(() => listRuns(this.client, this.keys, query, (ids) => this.readBrief(ids)));
  }

  async requestCancel(id: string, nowMs: number): Promise<'requested' | 'ended' | 'missing'> {
    return await onRedis(async () => {
      const keys = [this.keys.job(id), this.keys.wake(id)];
      const result = await requestCancel.run(this.client, keys, [nowMs]);
      if (result !== 'requested') return result === 'ended' ? 'ended' : 'missing';
      await promote(this.queue, id);
      return 'requested';
    });
  }

  async wake(id: string, by: 'webhook' | 'stream' | 'tools'): Promise<boolean> {
    return await onRedis(async () => {
      // The flag first: a run that is active now finds it when it parks, and a promotion alone would be lost.
      const flagged = await flagWake.run(this.client, [this.keys.job(id), this.keys.wake(id)], [by]);
      if (flagged !== 'flagged') return false;
      await promote(this.queue, id);
      return true;
    });
  }

  async counts(): Promise<RunCounts> {
    return await onRedis(async () => {
      const [jobs, inFlight, dead] = await Promise.all([
        this.queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized', 'completed', 'failed'),
        this.countByKind(openStatuses),
        this.countByKind(deadStatuses),
      ]);
      return { jobs, inFlight, dead };
    });
  }

  private async countByKind(statuses: readonly RunStatus[]): Promise<Record<RunKind, number>> {
    const counts: Record<RunKind, number> = { responses: 0, assistants: 0 };
    await Promise.all(
      runKinds.flatMap((kind) =>
        statuses.map(async (status) => {
          const size = await this.client.zcard(this.keys.statusIndex(kind, status));
          counts[kind] += size;
        }),
      ),
    );
    return counts;
  }

  private async indexAccepted(
    runs: readonly { readonly id: string; readonly data: JobData }[],
  ): Promise<void> {
    const nowMs = Date.now();
    const members = runs.map(({ id, data }) => ({
      id,
      atMs: data.accepted_at === undefined ? nowMs : Date.parse(data.accepted_at),
      kind: data.kind,
      owner: data.owner,
    }));
    const flat = (of: typeof members): (string | number)[] => of.flatMap(({ id, atMs }) => [atMs, id]);
    await Promise.all([
      // NX: adding a run again must not move it.
      this.client.zadd(this.keys.index, 'NX', ...flat(members)),
      ...runKinds.map(async (kind) => {
        const own = members.filter((member) => member.kind === kind);
        if (own.length > 0)
          await this.client.zadd(this.keys.statusIndex(kind, 'accepted'), 'NX', ...flat(own));
      }),
      ...[...Map.groupBy(members, ({ owner }) => owner)].map(async ([owner, own]) => {
        if (owner === null) return;
        await this.client.sadd(this.keys.owners, owner);
        await this.client.zadd(this.keys.ownerIndex(owner), 'NX', ...flat(own));
      }),
    ]);
  }

  /** Without outputs, which can be large. */
  private async readBrief(ids: readonly string[]): Promise<(RunRecord | null)[]> {
    const fields = recordFields.filter((field) => field !== 'output');
    return await Promise.all(
      ids.map(async (id) =>
        recordOf(id, await this.client.hmget(this.keys.job(id), ...fields), this.defaultDeadlineSeconds),
      ),
    );
  }
}

/** The fields of a hash; none where the key holds something else (an id such as `events` names a key of BullMQ's). */
async function hashFields(
  client: RedisClient,
  key: string,
  fields: readonly string[],
): Promise<(string | null)[]> {
  try {
    return await client.hmget(key, ...fields);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return [];
    throw error;
  }
}

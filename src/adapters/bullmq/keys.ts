import type { RunKind, RunStatus } from '../../domain/status.ts';

export const runsQueue = 'runs';

/** What this adapter keeps beside BullMQ's own keys. The prefix carries a hash tag, for Redis Cluster. */
export interface RunKeys {
  /** BullMQ's hash of the job. Beside BullMQ's fields: `outcome`, `output`, `cancelRequestedAt`. */
  job(id: string): string;
  /** BullMQ's lock: whose activation it is. */
  lock(id: string): string;
  /** Set while a wake waits to be taken up. */
  wake(id: string): string;
  /** Which run a provider's id stands for: `run:<id>`; or, before that is known, which webhooks came: `early:…`. */
  provider(account: string, providerRunId: string): string;
  /** Ids of webhooks that nobody knew, by time; for runs whose create was never answered. */
  unclaimed(account: string): string;
  /** Those that turned out to be foreign, by time. */
  foreign(account: string): string;
  /** Runs whose create was never answered, by when they may look at an unclaimed id. */
  quarantine(account: string): string;
  /** The provider's request, where it is too large to stand in the job. */
  request(id: string): string;
  /** The run's tool calls and their answers. */
  tools(id: string): string;
  /** The open runs of a lane. */
  lane(name: string): string;
  /** All runs by time of acceptance. */
  readonly index: string;
  /** The runs of one kind and status, by time of acceptance. */
  statusIndex(kind: RunKind, status: RunStatus): string;
  /** The runs of one caller, by time of acceptance. */
  ownerIndex(owner: string): string;
  /** All callers that have such an index. */
  readonly owners: string;
  /** The worker that removes what is not kept any more. */
  readonly sweeper: string;
  /** BullMQ's sets of ended jobs, by time of their end. */
  finished(state: 'completed' | 'failed'): string;
}

export function runKeys(prefix: string): RunKeys {
  const queue = `${prefix}:${runsQueue}`;
  return {
    job: (id) => `${queue}:${id}`,
    lock: (id) => `${queue}:${id}:lock`,
    wake: (id) => `${prefix}:wake:${id}`,
    provider: (account, providerRunId) => `${prefix}:provider:${account}:${providerRunId}`,
    unclaimed: (account) => `${prefix}:unclaimed:${account}`,
    foreign: (account) => `${prefix}:foreign:${account}`,
    quarantine: (account) => `${prefix}:quarantine:${account}`,
    request: (id) => `${prefix}:request:${id}`,
    tools: (id) => `${prefix}:tool-calls:${id}`,
    lane: (name) => `${prefix}:lane:${name}`,
    index: `${prefix}:index`,
    statusIndex: (kind, status) => `${prefix}:index:${kind}:${status}`,
    ownerIndex: (owner) => `${prefix}:index-of:${owner}`,
    owners: `${prefix}:owners`,
    sweeper: `${prefix}:sweeper`,
    finished: (state) => `${queue}:${state}`,
  };
}

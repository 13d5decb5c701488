/** Which run an id of the provider stands for: written as soon as a run has one, gone with the run. */

import type { CreatingState, RunSpec, RunState } from '../../domain/run.ts';
import type { RunKind } from '../../domain/status.ts';
import type { RedisClient } from '../redis-sdk/client.ts';
import { onRedis } from '../redis-sdk/errors.ts';
import type { RunKeys } from './keys.ts';
import { claim, handOver, joinQuarantine, linkProvider } from './provider-scripts.ts';

/** Beyond the deadline: the cancel's grace, and the 72 h in which a sender repeats itself. */
const afterDeadlineSeconds = 4 * 24 * 3600;

/** How far the clocks of those who took the webhook and who sent the create may be apart. */
const clockSlackMs = 30_000;

/** Runs of other kinds are found by a list, within seconds. */
export function canBeAdopted(kind: RunKind): boolean {
  return kind === 'responses';
}

export class ProviderIds {
  private readonly client: RedisClient;
  private readonly keys: RunKeys;
  private readonly spec: RunSpec;
  private readonly token: string;
  /** The id that is on record. */
  private linked: string | null;
  /** Ids that the provider did not show to this run: others may wait for them. */
  private readonly missed: readonly string[];

  constructor(client: RedisClient, keys: RunKeys, spec: RunSpec, state: RunState, token: string) {
    this.client = client;
    this.keys = keys;
    this.spec = spec;
    this.token = token;
    this.linked = providerRunIdOf(state);
    this.missed = state.phase === 'creating' ? (state.missed ?? []).map(({ id }) => id) : [];
  }

  /** Before the state that holds the id is written. 'lost': another worker has taken over; else a run to promote, or ''. */
  async link(state: RunState, nowMs: number): Promise<string> {
    const providerRunId = providerRunIdOf(state);
    if (providerRunId === null || providerRunId === this.linked || !isPlain(providerRunId)) return '';
    const { client, keys, spec } = this;
    const account = accountOf(state);
    const scriptKeys = [
      keys.lock(spec.id),
      keys.provider(account, providerRunId),
      keys.unclaimed(account),
      keys.quarantine(account),
    ];
    const args = [
      ...this.prefixes(),
      this.token,
      spec.id,
      providerRunId,
      entryOf(account, providerRunId),
      this.ttlSeconds(nowMs),
      spec.follow === 'poll' ? '1' : '',
      nowMs,
      ...this.missed.filter((id) => id !== providerRunId),
    ];
    const result = String(await linkProvider.run(client, scriptKeys, args));
    if (result !== 'lost') this.linked = providerRunId;
    return result;
  }

  /**
   * A create that was not answered waits for a webhook that may be about its run. Before the run leaves its slot. One that
   * has an id to look at waits for that look: others would wake it in vain.
   */
  async join(state: CreatingState, nowMs: number): Promise<void> {
    const { client, keys, spec } = this;
    if (!canBeAdopted(spec.kind)) return;
    const account = accountOf(state);
    if (state.candidate !== undefined) {
      await client.zrem(keys.quarantine(account), spec.id);
      return;
    }
    const scriptKeys = [keys.quarantine(account), keys.unclaimed(account)];
    const fromMs = Math.max(nowMs, state.inspectAfterMs ?? 0);
    const args = [...this.prefixes(), spec.id, fromMs, state.intentAtMs - clockSlackMs, nowMs];
    await joinQuarantine.run(client, scriptKeys, args);
  }

  /** An id that nobody knew, and that came after this run's create: this run's to look at. Null: there is none. */
  async claim(state: CreatingState, nowMs: number): Promise<string | null> {
    const { client, keys, spec } = this;
    if (!canBeAdopted(spec.kind)) return null;
    const account = accountOf(state);
    const scriptKeys = [keys.unclaimed(account), keys.foreign(account), keys.job(spec.id)];
    const look = `${state.intentAtMs}:${state.inspections ?? 0}`;
    const id = await claim.run(client, scriptKeys, [state.intentAtMs - clockSlackMs, nowMs, look]);
    return typeof id === 'string' ? id : null;
  }

  /** Whether the other run was waiting for it, and is to be promoted. */
  async handOver(state: RunState, runId: string, providerRunId: string, nowMs: number): Promise<boolean> {
    const account = accountOf(state);
    const entry = entryOf(account, providerRunId);
    const args = [...this.prefixes(), runId, providerRunId, entry, this.ttlSeconds(nowMs)];
    const scriptKeys = [this.keys.provider(account, providerRunId)];
    return (await handOver.run(this.client, scriptKeys, args)) === 'handed';
  }

  private ttlSeconds(nowMs: number): number {
    return Math.max(0, Math.ceil((this.spec.deadlineAtMs - nowMs) / 1000)) + afterDeadlineSeconds;
  }

  private prefixes(): [job: string, wake: string] {
    return [this.keys.job(''), this.keys.wake('')];
  }
}

function accountOf({ account }: RunState): string {
  // Absent in states of older versions.
  return account ?? 'default';
}

function providerRunIdOf(state: RunState): string | null {
  return 'providerRunId' in state ? state.providerRunId : null;
}

/** An entry of the field `providers`, and the end of the key that it stands for. */
function entryOf(account: string, providerRunId: string): string {
  return `${account}:${providerRunId}`;
}

/** A server that gives its runs other ids gets no webhooks taken. */
function isPlain(providerRunId: string): boolean {
  return /^[\x21-\x7e]{1,200}$/.test(providerRunId);
}

/** Before the jobs themselves go: they hold the ids. */
export async function releaseProviderIds(
  client: RedisClient,
  keys: RunKeys,
  ids: readonly string[],
): Promise<void> {
  await onRedis(async () => {
    // An id that is no run's may name another of BullMQ's keys, which is no hash.
    const fields = await Promise.all(
      ids.map((id) => client.hget(keys.job(id), 'providers').catch(() => null)),
    );
    const entries = fields.flatMap((text) => (text ?? '').split(' ').filter((entry) => entry !== ''));
    if (entries.length === 0) return;
    await client.del(
      ...entries.map((entry) => {
        const colon = entry.indexOf(':');
        return keys.provider(entry.slice(0, colon), entry.slice(colon + 1));
      }),
    );
  });
}

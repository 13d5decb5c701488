/** What is held against each other in the end, read once everything is over. Plain data: the checks can be tried on made-up ones. */

import { Redis } from 'ioredis';
import * as z from 'zod';
import type { Callback, RunView } from '../src/client/index.ts';
import type { Ledger, LedgerRun } from '../src/simulator/index.ts';
import { type ChaosFleet, prefix } from './fleet.ts';
import type { Deed } from './journal.ts';
import type { Life } from './member.ts';
import type { Sending } from './producer.ts';
import type { Delivery, Effect } from './witness.ts';

export interface Evidence {
  readonly sendings: readonly Sending[];
  /** By id. */
  readonly records: ReadonlyMap<string, RunView>;
  /** What `GET /v1/runs` lists. */
  readonly listed: readonly string[];
  readonly ledger: Omit<Ledger, 'runs'> & { readonly runs: readonly LedgerRun[] };
  readonly deliveries: readonly Delivery[];
  readonly deadCallbacks: readonly Callback[];
  readonly effects: readonly Effect[];
  readonly oddities: readonly string[];
  readonly deeds: readonly Deed[];
  readonly lives: readonly Omit<Life, 'process'>[];
  readonly logs: readonly LogLine[];
  /** Every key in Redis. */
  readonly keys: readonly KeyLeft[];
  /** Calls a minute that the provider allows. */
  readonly rpm: number;
}

export interface KeyLeft {
  readonly key: string;
  /** Until it goes by itself; null: it does not. */
  readonly ttlMs: number | null;
  /** Of a lane: whose it is. */
  readonly runIds: readonly string[];
}

export interface LogLine {
  readonly member: string;
  readonly pid: number;
  readonly atMs: number;
  readonly level: number;
  readonly message: string;
  readonly runId: string | null;
  readonly line: string;
}

export async function readEvidence(
  fleet: ChaosFleet,
  sendings: readonly Sending[],
  deeds: readonly Deed[],
  rpm: number,
): Promise<Omit<Evidence, 'lives' | 'logs'>> {
  const { client, simulator, witness } = fleet;
  const listed: string[] = [];
  for await (const { id } of client.runs.all({ limit: 100 })) listed.push(id);
  const told = sendings.flatMap(({ runId }) => runId ?? []);
  const records = new Map<string, RunView>();
  for (const id of new Set([...listed, ...told])) {
    const record = await client.runs.get(id).catch(() => null);
    if (record !== null) records.set(id, record);
  }
  const deadCallbacks: Callback[] = [];
  for await (const callback of client.callbacks.all()) deadCallbacks.push(callback);
  const { runs = [], ...ledger } = simulator.ledger({ runs: true });
  return {
    sendings,
    records,
    listed,
    ledger: { ...ledger, runs },
    deliveries: witness.deliveries,
    deadCallbacks,
    effects: [...witness.effects.values()],
    oddities: witness.oddities,
    deeds,
    keys: await readKeys(fleet.redis.port),
    rpm,
  };
}

/** https://redis.io/docs/latest/commands/pttl/: it has gone since the keys were listed; it has no end. */
const goneMs = -2;
const endlessMs = -1;

export async function readKeys(port: number): Promise<KeyLeft[]> {
  const redis = new Redis({ port, host: '127.0.0.1' });
  try {
    const keys = (await redis.keys(`${prefix}:*`)).toSorted();
    const left = await Promise.all(
      keys.map(async (key) => {
        const [lifeMs, runIds] = await Promise.all([
          redis.pttl(key),
          key.startsWith(`${prefix}:lane:`) ? redis.zrange(key, '0', '-1') : [],
        ]);
        return { key, lifeMs, runIds };
      }),
    );
    return left.flatMap(({ key, lifeMs, runIds }) =>
      lifeMs === goneMs ? [] : { key, ttlMs: lifeMs === endlessMs ? null : lifeMs, runIds },
    );
  } finally {
    redis.disconnect();
  }
}

/** The lines that a process has written to its log; other output is none. */
export function readLogs(lives: readonly Life[]): LogLine[] {
  return lives.flatMap(({ member, pid, process }) =>
    process.stderr.split('\n').flatMap((line) => {
      const fields = parsed(line);
      if (fields === null) return [];
      const { level, time, msg: message, runId } = fields;
      return [{ member, pid, atMs: new Date(time).getTime(), level, message, runId, line }];
    }),
  );
}

const logLine = z.looseObject({
  level: z.number(),
  time: z.union([z.number(), z.string()]),
  msg: z.string().default(''),
  runId: z.string().nullable().default(null),
});

function parsed(line: string): z.output<typeof logLine> | null {
  if (!line.startsWith('{')) return null;
  try {
    return logLine.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}

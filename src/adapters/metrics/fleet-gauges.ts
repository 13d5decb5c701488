/**
 * The gauges of the whole fleet, read from Redis at each scrape. For API processes alone: every process would say the
 * same, and a sum over them would be wrong. While Redis is away they are absent, and the rest of the page is told.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { Gauge, type Registry } from 'prom-client';

/** Prometheus gives a scrape up after 10 s: a page without these gauges is better than none. */
const longestReadingMs = 3000;

export interface QuotaUse {
  /** Null: no limit, or none known yet. */
  readonly limit: number | null;
  readonly usedRatio: number;
}

/** What is left to calls, a minute, by unit. */
export type AccountUse = Readonly<Record<'requests' | 'tokens', QuotaUse>>;

/** Adds the accounts' quotas (by name, as configured), read at each scrape. */
export function addQuotaGauges(
  registry: Registry,
  read: () => Promise<Readonly<Record<string, AccountUse>>>,
): void {
  const uses = sharedReading(async () =>
    Object.entries(await read()).flatMap(([account, units]) =>
      Object.entries(units).map(([unit, use]) => ({
        account,
        unit,
        limit: use.limit,
        usedRatio: use.usedRatio,
      })),
    ),
  );
  void new Gauge({
    name: 'runfleet_quota_limit',
    help: 'The limit in force, a minute; absent where there is none. The same on every API process: do not sum.',
    labelNames: ['account', 'unit'],
    registers: [registry],
    async collect() {
      const all = (await uses()) ?? [];
      this.reset();
      for (const { account, unit, limit } of all) if (limit !== null) this.set({ account, unit }, limit);
    },
  });
  void new Gauge({
    name: 'runfleet_quota_used_ratio',
    help: 'Share of the limit in use; 0 without a limit. The same on every API process: do not sum.',
    labelNames: ['account', 'unit'],
    registers: [registry],
    async collect() {
      const all = (await uses()) ?? [];
      this.reset();
      for (const { account, unit, usedRatio } of all) this.set({ account, unit }, usedRatio);
    },
  });
}

export interface FleetCounts {
  readonly inFlight: Readonly<Record<string, number>>;
  readonly dead: Readonly<Record<string, number>>;
  /** By queue, then by state. */
  readonly jobs: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export function addFleetGauges(registry: Registry, read: () => Promise<FleetCounts>): void {
  const counts = sharedReading(read);
  void new Gauge({
    name: 'runfleet_runs_in_flight',
    help: 'Runs accepted and not yet ended. The same on every API process: do not sum.',
    labelNames: ['kind'],
    registers: [registry],
    async collect() {
      const inFlight = (await counts())?.inFlight ?? {};
      this.reset();
      for (const [kind, count] of Object.entries(inFlight)) this.set({ kind }, count);
    },
  });
  void new Gauge({
    name: 'runfleet_dead_runs',
    help: 'Runs kept that ended without an answer. The same on every API process: do not sum.',
    labelNames: ['kind'],
    registers: [registry],
    async collect() {
      const dead = (await counts())?.dead ?? {};
      this.reset();
      for (const [kind, count] of Object.entries(dead)) this.set({ kind }, count);
    },
  });
  void new Gauge({
    name: 'runfleet_queue_jobs',
    help: 'Jobs by queue and state. The same on every API process: do not sum.',
    labelNames: ['queue', 'state'],
    registers: [registry],
    async collect() {
      const jobs = (await counts())?.jobs ?? {};
      this.reset();
      for (const [queue, states] of Object.entries(jobs)) {
        for (const [state, count] of Object.entries(states)) this.set({ queue, state }, count);
      }
    },
  });
}

/** `readMs`: how long the oldest tool call that waits has waited. */
export function addToolWaitGauge(registry: Registry, readMs: () => Promise<number>): void {
  const wait = sharedReading(readMs);
  void new Gauge({
    name: 'runfleet_tool_calls_oldest_seconds',
    help: 'How long the oldest tool call that waits for a worker has waited; 0 without. Do not sum.',
    registers: [registry],
    async collect() {
      const waitMs = await wait();
      if (waitMs === null) this.remove();
      else this.set(waitMs / 1000);
    },
  });
}

/** The gauges of one scrape share one reading. Null where it fails, or takes longer than a scrape should wait. */
function sharedReading<T>(read: () => Promise<T>): () => Promise<T | null> {
  let reading: Promise<T | null> | null = null;
  return () => (reading ??= inTime(read()).finally(() => (reading = null)));
}

async function inTime<T>(reading: Promise<T>): Promise<T | null> {
  const done = new AbortController();
  const late = sleep(longestReadingMs, null, { signal: done.signal }).catch(() => null);
  try {
    return await Promise.race([reading, late]);
  } catch {
    return null;
  } finally {
    done.abort();
  }
}

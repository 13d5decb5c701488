import type { Operation } from './operations.ts';
import { endedAtMs, isTerminal, phaseAt } from './plan.ts';
import type { Plan } from './plan.ts';
import { SlidingWindow, WINDOW_MS } from './window.ts';

export type RunKind = 'responses' | 'assistants';

/** A run as the ledger sees it. Both kinds of run are recorded as something that extends this. */
export interface Tracked {
  readonly kind: RunKind;
  readonly id: string;
  /** `metadata.runfleet_id`: what the creator calls this run. */
  readonly runfleetId: string | null;
  /** The response that this one continues. */
  readonly previousId: string | null;
  plan: Plan;
  /** Calls that concerned this run, by operation. */
  readonly calls: Partial<Record<Operation, number>>;
}

/** One run, as `ledger({ runs: true })` and `GET /_sim/ledger?runs=1` list it. */
export interface LedgerRun {
  id: string;
  kind: RunKind;
  runfleetId: string | null;
  previousId: string | null;
  status: string;
  createdAtMs: number;
  /** To the millisecond, unlike the API's own timestamps; `null` while it is open. */
  endedAtMs: number | null;
  calls: Partial<Record<Operation, number>>;
}

export interface KindTotals {
  created: number;
  /** Neither ended nor deleted by now. */
  open: number;
  endedByStatus: Record<string, number>;
  /** Calls that concerned a run of this kind, by operation. */
  calls: Partial<Record<Operation, number>>;
}

/** What became of the events of runs. */
export interface WebhookCounts {
  /** Runs that had something to tell, and somebody to tell it to. */
  events: number;
  /** Never sent, on purpose. */
  lost: number;
  /** Sent once more, on purpose. */
  duplicated: number;
  tries: number;
  /** Tries that were answered 2xx. */
  delivered: number;
  failedTries: number;
  /** After the last retry. */
  givenUp: number;
}

export interface Ledger {
  sinceMs: number;
  nowMs: number;
  callsTotal: number;
  /** By operation (`unknown` for other URLs), then by status code, or `reset` / `lost_reply`. */
  calls: Record<string, Record<string, number>>;
  /** 429s sent, those of injected faults included. */
  throttled: number;
  /** The busiest minute so far, over all calls that count against the rate limit, the throttled ones too. */
  worstWindow: { windowMs: number; calls: number; endedAtMs: number | null };
  responses: KindTotals;
  assistants: KindTotals;
  webhooks: WebhookCounts;
  /** Runs created more than once for one `metadata.runfleet_id` (and one previous response). */
  duplicates: { runfleetId: string; runIds: string[] }[];
  /** Only when asked for. */
  runs?: LedgerRun[];
}

function add(counts: Partial<Record<string, number>>, key: string, n = 1): void {
  counts[key] = (counts[key] ?? 0) + n;
}

function emptyTotals(): KindTotals {
  return { created: 0, open: 0, endedByStatus: {}, calls: {} };
}

/** Counts what comes in and goes out. Costs O(1) a call; only reading it walks the runs. */
export class LedgerBook {
  readonly webhooks: WebhookCounts = {
    events: 0,
    lost: 0,
    duplicated: 0,
    tries: 0,
    delivered: 0,
    failedTries: 0,
    givenUp: 0,
  };
  readonly #sinceMs: number;
  readonly #calls: Record<string, Record<string, number>> = {};
  readonly #arrivals = new SlidingWindow();
  #callsTotal = 0;
  #throttled = 0;
  #worstCalls = 0;
  #worstEndedAtMs: number | null = null;
  readonly #created: Record<RunKind, number> = { responses: 0, assistants: 0 };
  /** What is left of runs that were forgotten or deleted. */
  readonly #gone: Record<RunKind, KindTotals> = { responses: emptyTotals(), assistants: emptyTotals() };
  readonly #firstIds = new Map<string, string>();
  readonly #duplicates = new Map<string, { runfleetId: string; runIds: string[] }>();

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** A call has arrived that counts against the rate limit. */
  arrived(nowMs: number): void {
    this.#arrivals.add(nowMs);
    // The busiest window always ends at an arrival, so looking at each arrival finds it exactly.
    const calls = this.#arrivals.sum(nowMs);
    if (calls <= this.#worstCalls) return;
    this.#worstCalls = calls;
    this.#worstEndedAtMs = nowMs;
  }

  answered(operation: Operation | 'unknown', result: string): void {
    this.#callsTotal++;
    if (result === '429') this.#throttled++;
    const byResult = (this.#calls[operation] ??= {});
    add(byResult, result);
  }

  created(run: Tracked): void {
    this.#created[run.kind]++;
    if (run.runfleetId === null) return;
    const key = duplicateKey(run.runfleetId, run.previousId);
    const firstId = this.#firstIds.get(key);
    if (firstId === undefined) {
      this.#firstIds.set(key, run.id);
      return;
    }
    const entry = this.#duplicates.get(key) ?? { runfleetId: run.runfleetId, runIds: [firstId] };
    entry.runIds.push(run.id);
    this.#duplicates.set(key, entry);
  }

  /** The run's record is about to be dropped: keep its share of the totals. */
  dropped(run: Tracked, nowMs: number): void {
    const { phase } = phaseAt(run.plan, nowMs);
    addRun(this.#gone[run.kind], isTerminal(phase) ? phase : 'deleted', run);
  }

  /** The run is dropped to save memory. A second one of the same `runfleet_id` would no longer be noticed. */
  forgotten(run: Tracked, nowMs: number): void {
    this.dropped(run, nowMs);
    if (run.runfleetId !== null) this.#firstIds.delete(duplicateKey(run.runfleetId, run.previousId));
  }

  read(runs: Iterable<Tracked>, nowMs: number, withRuns: boolean): Ledger {
    const totals = structuredClone(this.#gone);
    totals.responses.created = this.#created.responses;
    totals.assistants.created = this.#created.assistants;
    const listed: LedgerRun[] = [];
    for (const run of runs) {
      const { phase } = phaseAt(run.plan, nowMs);
      addRun(totals[run.kind], isTerminal(phase) ? phase : null, run);
      if (withRuns) listed.push(describe(run, nowMs));
    }
    return {
      sinceMs: this.#sinceMs,
      nowMs,
      callsTotal: this.#callsTotal,
      calls: structuredClone(this.#calls),
      throttled: this.#throttled,
      worstWindow: { windowMs: WINDOW_MS, calls: this.#worstCalls, endedAtMs: this.#worstEndedAtMs },
      ...totals,
      webhooks: { ...this.webhooks },
      duplicates: structuredClone([...this.#duplicates.values()]),
      ...(withRuns ? { runs: listed } : {}),
    };
  }
}

/**
 * The answer to tool calls is a create of its own with the same metadata: no duplicate, unless it too is
 * repeated. Hence the previous response is part of the key.
 */
function duplicateKey(runfleetId: string, previousId: string | null): string {
  return `${runfleetId}\n${previousId ?? ''}`;
}

function addRun(totals: KindTotals, endedAs: string | null, run: Tracked): void {
  if (endedAs === null) totals.open++;
  else add(totals.endedByStatus, endedAs);
  for (const [operation, calls] of Object.entries(run.calls)) add(totals.calls, operation, calls);
}

function describe(run: Tracked, nowMs: number): LedgerRun {
  return {
    id: run.id,
    kind: run.kind,
    runfleetId: run.runfleetId,
    previousId: run.previousId,
    status: phaseAt(run.plan, nowMs).phase,
    createdAtMs: run.plan.createdAtMs,
    endedAtMs: endedAtMs(run.plan, nowMs),
    calls: { ...run.calls },
  };
}

/** Notes that a call concerned this run. */
export function countCall(run: Tracked, operation: Operation): void {
  run.calls[operation] = (run.calls[operation] ?? 0) + 1;
}

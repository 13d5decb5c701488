/**
 * What the fleet's looks share beside durations, by account: how dear a look is while the quota is short, and how
 * likely a webhook is to come. Steps read and note in memory; `sync` exchanges it with the other workers each second.
 */

import {
  freshPacing,
  noNews,
  type PacingNews,
  type PacingState,
  withNews,
} from '../domain/polling/pacing.ts';
import { LookShares } from '../domain/polling/look-shares.ts';
import { isBehind, noLooks } from '../domain/polling/price.ts';
import {
  arrivalChance,
  type ArrivalEvidence,
  type ArrivalState,
  learnArrival,
  provenChance,
  webhooksHaveStopped,
} from '../domain/polling/webhook-arrival.ts';
import type { RunOutcome, RunSpec, RunState } from '../domain/run.ts';
import type { PacingStore } from '../ports/pacing-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';

/** An account as far as looks go. */
export interface PacedAccount {
  /** The same for all names of one key at one server: they share a quota. */
  readonly id: string;
  /** Whether its provider was told where to send webhooks. */
  readonly hasWebhooks: boolean;
}

export interface PacingOptions {
  readonly store: PacingStore;
  /** By name. */
  readonly accounts: ReadonlyMap<string, PacedAccount>;
  /** The knob, for the reports. */
  readonly costMs: number;
  readonly telemetry: Telemetry;
}

interface Kept {
  readonly account: PacedAccount;
  state: PacingState | null;
  news: PacingNews;
  /** How webhooks arrive, with those that came since the last exchange. */
  arrival: ArrivalState;
  /** Of this process: runs come to it by chance, so it sees what the fleet sees. */
  readonly shares: LookShares;
  /** Whether a step has asked since the last exchange. */
  inUse: boolean;
  stopped: boolean;
}

export class Pacing {
  private readonly options: PacingOptions;
  private readonly kept = new Map<string, Kept>();

  constructor(options: PacingOptions) {
    this.options = options;
  }

  /** How many times as dear a look of this account is as the run's own price says; 1 while the quota is not short. */
  scarcity(account: string | undefined): number {
    return this.use(account)?.state?.price.scarcity ?? 1;
  }

  /** The chance that a webhook will tell of this run's end; 0 where none is expected. */
  webhookChance(spec: RunSpec, account: string | undefined): number {
    const kept = this.use(account);
    if (kept === null || !expectsWebhook(spec, kept.account)) return 0;
    return arrivalChance(kept.arrival);
  }

  /** The chance, at least, that a webhook would have told of an end; 0 while nothing is proven. */
  provenChance(spec: RunSpec, account: string | undefined): number {
    const kept = this.use(account);
    return kept !== null && expectsWebhook(spec, kept.account) ? provenChance(kept.arrival) : 0;
  }

  /** Whether a webhook is waited for where nothing else can tell: they have come, and more likely than not still do. */
  willBeTold(spec: RunSpec, account: string | undefined): boolean {
    return this.provenChance(spec, account) > 0 && this.webhookChance(spec, account) > 0.5;
  }

  /** Whether looks of this class go before others: these wait for long, and it has had few of the latest permits. */
  goesFirst(account: string | undefined, classKey: string): boolean {
    const kept = this.use(account);
    return kept !== null && isBehind((kept.state ?? freshPacing).price) && kept.shares.isLight(classKey);
  }

  /** A look has got its permit. `gapMs`: since the look before it. */
  permitted(account: string | undefined, classKey: string, waitedMs: number, gapMs: number): void {
    const kept = this.use(account);
    if (kept === null) return;
    kept.shares.permitted(classKey);
    const { looks, lagMs, gapMs: gapsMs } = kept.news.permitted;
    const permitted = { looks: looks + 1, lagMs: lagMs + waitedMs, gapMs: gapsMs + gapMs };
    kept.news = { ...kept.news, permitted };
  }

  /** A run has ended: whether its webhook came says how likely the next one is. */
  ended(spec: RunSpec, state: RunState, outcome: RunOutcome): void {
    const kept = this.use(state.account);
    if (kept === null || state.cancel !== null || !expectsWebhook(spec, kept.account)) return;
    const evidence = evidenceOf(outcome);
    if (evidence === null) return;
    kept.news = { ...kept.news, arrivals: [...kept.news.arrivals, evidence] };
    kept.arrival = learnArrival(kept.arrival, evidence);
  }

  /** Runs of which so many should have ended have been told of by nobody; less than 0: what is taken back of that. */
  silent(account: string | undefined, expectedEnds: number): void {
    const kept = this.use(account);
    if (kept === null || expectedEnds === 0) return;
    kept.news = { ...kept.news, silentEnds: kept.news.silentEnds + expectedEnds };
  }

  /** Two trips for each account in use. Rejects with the store; what could not be told goes with the next. */
  async sync(): Promise<void> {
    for (const kept of this.kept.values()) {
      if (!kept.inUse && (kept.state?.price.scarcity ?? 1) === 1) continue;
      kept.inUse = false;
      const { news } = kept;
      kept.news = noNews;
      try {
        kept.state = await this.options.store.update(kept.account.id, (before, nowMs) =>
          withNews(before, news, nowMs),
        );
        kept.arrival = kept.news.arrivals.reduce(
          (known, evidence) => learnArrival(known, evidence),
          kept.state.arrival,
        );
      } catch (error) {
        kept.news = together(news, kept.news);
        throw error;
      }
      this.tell(kept);
    }
    this.report();
  }

  private use(name = 'default'): Kept | null {
    const account = this.options.accounts.get(name);
    if (account === undefined) return null;
    const kept = this.kept.get(account.id) ?? {
      account,
      state: null,
      news: noNews,
      arrival: freshPacing.arrival,
      shares: new LookShares(),
      inUse: true,
      stopped: false,
    };
    kept.inUse = true;
    this.kept.set(account.id, kept);
    return kept;
  }

  private tell(kept: Kept): void {
    if (!kept.account.hasWebhooks || kept.state === null) return;
    const stopped = webhooksHaveStopped(arrivalChance(kept.state.arrival), kept.stopped);
    if (stopped === kept.stopped) return;
    kept.stopped = stopped;
    const { telemetry } = this.options;
    if (stopped) telemetry.log('warn', 'Webhooks have stopped coming; runs are looked at as without them');
    else telemetry.log('info', 'Webhooks come again');
  }

  private report(): void {
    const states = [...this.kept.values()].flatMap(({ account, state }) =>
      state ? [{ account, state }] : [],
    );
    const chances = states.flatMap(({ account, state }) =>
      account.hasWebhooks ? [arrivalChance(state.arrival)] : [],
    );
    const scarcity = Math.max(1, ...states.map(({ state }) => state.price.scarcity));
    this.options.telemetry.paced({
      priceSeconds: (this.options.costMs * scarcity) / 1000,
      webhookChance: chances.length === 0 ? null : Math.min(...chances),
    });
  }
}

/** So much is kept of what Redis would not take. */
const mostArrivals = 1000;

function together(older: PacingNews, newer: PacingNews): PacingNews {
  return {
    // Waits of minutes ago say nothing of now.
    permitted: newer.permitted.looks > 0 ? newer.permitted : noLooks,
    arrivals: [...older.arrivals, ...newer.arrivals].slice(-mostArrivals),
    silentEnds: newer.silentEnds,
  };
}

function expectsWebhook({ kind, follow }: RunSpec, account: PacedAccount): boolean {
  return account.hasWebhooks && kind === 'responses' && (follow === 'auto' || follow === 'webhook');
}

function evidenceOf({ foundBy, detectionDelayMs }: RunOutcome): ArrivalEvidence | null {
  if (foundBy === 'webhook') return { type: 'arrived', latencyMs: detectionDelayMs };
  if (foundBy !== 'poll' || detectionDelayMs === null) return null;
  return { type: 'missed', silentMs: detectionDelayMs };
}

/** The shared limiter of one account: what the composition root makes, one for each account. */

import type { CallClass } from '../../domain/limiter/classes.ts';
import type { RateGate } from '../../ports/rate-gate.ts';
import { emptyAccount } from '../../domain/limiter/state.ts';
import { defaultSettings, type LimiterSettings, termsOf } from '../../domain/limiter/terms.ts';
import { type QuotaView, viewOf } from '../../domain/limiter/view.ts';
import { type LimiterClock, readAnnouncement } from './contact.ts';
import { Front } from './front.ts';
import { type Account, accountId, limiterKeys } from './keys.ts';
import { type LimiterObserver, silentObserver } from './observer.ts';
import { type ScriptClient, SharedState } from './shared-state.ts';

export type { LimiterClock } from './contact.ts';
export type { Account } from './keys.ts';
export type { LimiterObserver } from './observer.ts';

/** What is used of an `ioredis` client in subscriber mode. */
export interface SubscriberClient {
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  on(event: 'message', listener: (channel: string, message: string) => void): unknown;
  on(event: 'ready', listener: () => void): unknown;
  off(event: 'message', listener: (channel: string, message: string) => void): unknown;
  off(event: 'ready', listener: () => void): unknown;
}

export interface RedisLimiterOptions {
  /** An `ioredis` client; stays the caller's. Best with `enableOfflineQueue: false`, so that it fails at once. */
  readonly client: ScriptClient;
  /** Another one, for announcements of pauses; several limiters may share it. Stays the caller's. */
  readonly subscriber: SubscriberClient;
  readonly account: Account;
  /** Default `{runfleet}`. */
  readonly prefix?: string;
  readonly settings?: Partial<LimiterSettings>;
  readonly clock?: LimiterClock;
  readonly observer?: LimiterObserver;
}

export interface QuotaSnapshot extends QuotaView {
  /** A hash: safe to show. */
  readonly account: string;
  /** Calls in this process's hands now. */
  readonly waitingHere: Readonly<Record<CallClass, number>>;
}

export interface RedisLimiter extends RateGate {
  /** A call that went without a permit, since nothing was known of a limit: told to all with the next trip. */
  countFree(callClass: CallClass): void;
  /** Whether the latest trip knew of a limit. */
  isLimited(): boolean;
  /** Rejects when Redis cannot be reached. */
  snapshot(): Promise<QuotaSnapshot>;
  /** For readiness: rejects when Redis cannot be reached, and then no permit is given either. */
  check(): Promise<void>;
  /** Gives back what is left, refuses who waits. Calls after it are refused. */
  close(): Promise<void>;
}

const systemClock: LimiterClock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

export function createRedisLimiter(options: RedisLimiterOptions): RedisLimiter {
  const settings: LimiterSettings = { ...defaultSettings, ...options.settings };
  const terms = termsOf(settings);
  const account = accountId(options.account);
  const keys = limiterKeys(options.prefix ?? '{runfleet}', account);
  const shared = new SharedState(options.client, keys, terms);
  const front = new Front({
    settings,
    clock: options.clock ?? systemClock,
    observer: options.observer ?? silentObserver,
    step: (request) => shared.step(request),
  });
  const onMessage = (channel: string, message: string): void => {
    const news = channel === keys.channel ? readAnnouncement(message) : null;
    if (news !== null) front.announced(news);
  };
  // Again at each connection; until it is there, pauses still spread with the next trip.
  const subscribe = (): void => {
    options.subscriber.subscribe(keys.channel).catch(() => {});
  };
  options.subscriber.on('message', onMessage);
  options.subscriber.on('ready', subscribe);
  subscribe();

  return {
    acquire: (ask) => front.acquire(ask),
    giveBack: (ticket) => front.giveBack(ticket),
    countFree: (callClass) => front.countFree(callClass),
    isLimited: () => front.contact.limit > 0,
    observe: (answer) => front.observe(answer),
    pauseUntil: (untilMs) => front.pauseUntil(untilMs),
    settleTokens: (id, tokens) => front.settleTokens(id, tokens),
    check: () => front.warmUp(),
    async snapshot() {
      const { state, nowUs } = await shared.read();
      const view = viewOf(state ?? emptyAccount(), terms, nowUs);
      return { ...view, account, waitingHere: front.waitingHere() };
    },
    async close() {
      options.subscriber.off('message', onMessage);
      options.subscriber.off('ready', subscribe);
      await front.close();
      // Not waited for: without a connection it would be for ever, and the subscription goes with the connection.
      options.subscriber.unsubscribe(keys.channel).catch(() => {});
    },
  };
}

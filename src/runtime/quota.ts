/** The rate gate of a process: the shared limiter, or (until there is a limit to keep) pauses alone. */

import { RedisPauseGate } from '../adapters/redis/pause-gate.ts';
import { accountKeys } from '../adapters/redis/keys.ts';
import {
  createRedisLimiter,
  type LimiterObserver,
  type QuotaSnapshot,
  type RedisLimiter,
  type RedisLimiterOptions,
} from '../adapters/redis-limiter/limiter.ts';
import type { RedisClient } from '../adapters/redis-sdk/client.ts';
import type { Metrics } from '../adapters/metrics/metrics.ts';
import { readRateHeaders } from '../domain/limiter/headers.ts';
import type { ObservedAnswer, Permit, PermitAsk, RateGate } from '../ports/rate-gate.ts';
import type { AccountConfig } from '../config/index.ts';
import type { KeptConfig } from './connections.ts';
import { idOf, limiterAccount } from './account-id.ts';
import { systemClock } from './clock.ts';
import type { FleetContext } from './fleet.ts';
import { StartError } from './start-error.ts';

type OnPermit = LimiterObserver['permitted'];

/** Calls a minute after a first 429 that names no limit: the AIMD goes on from there. */
const firstGuess = 600;

/** Where no limit is set, calls go freely until the provider shows one: in its headers, or by a 429. */
class LearningGate implements RateGate {
  private readonly pauses: RedisPauseGate;
  private readonly limiter: RedisLimiter;
  private readonly onPermit: OnPermit;
  private readonly learns: boolean;
  private current: RateGate;

  constructor(
    pauses: RedisPauseGate,
    limiter: RedisLimiter,
    { limited, learns }: { readonly limited: boolean; readonly learns: boolean },
    onPermit: OnPermit,
  ) {
    this.learns = learns;
    this.onPermit = onPermit;
    this.pauses = pauses;
    this.limiter = limiter;
    this.current = limited ? limiter : pauses;
  }

  async acquire(ask: PermitAsk): Promise<Permit> {
    // Another process was shown one.
    if (this.limiter.isLimited()) this.current = this.limiter;
    const { current } = this;
    const permit = await current.acquire(ask);
    // The limiter counts its own.
    if (current === this.pauses && permit.granted) {
      this.onPermit(ask.callClass, 0);
      if (this.learns) this.limiter.countFree(ask.callClass);
    }
    return permit;
  }

  giveBack(ticket: string): void {
    this.current.giveBack(ticket);
  }

  observe(answer: ObservedAnswer): void {
    const { limitRequests, limitTokens } = answer.headers;
    // A 429 that says when to come back is kept by the pause; one that does not leaves the finding out to us.
    const bare = answer.httpStatus === 429 && answer.headers.retryAfterMs === null;
    if ((limitRequests ?? 0) > 0 || (limitTokens ?? 0) > 0 || bare) this.current = this.limiter;
    this.current.observe(answer);
  }

  async pauseUntil(untilMs: number): Promise<void> {
    // Both: another process may not have heard of a limit yet.
    await Promise.all([this.pauses.pauseUntil(untilMs), this.limiter.pauseUntil(untilMs)]);
  }

  settleTokens(id: string, tokens: number): void {
    this.current.settleTokens(id, tokens);
  }

  async check(): Promise<void> {
    if (this.current === this.limiter) await this.limiter.check();
  }
}

export interface GateParts {
  readonly client: RedisClient;
  readonly subscriber: RedisClient;
  readonly metrics: Metrics;
}

export interface GateOfProcess {
  readonly gate: RateGate;
  readonly snapshot: () => Promise<QuotaSnapshot>;
  /** Rejects where there is a limit to keep and no permit can be given: the limiter fails closed. */
  readonly check: () => Promise<void>;
  /** To be told of every answer of the provider. */
  readonly onAnswer: (status: number | null, headers: Headers | null) => void;
}

/**
 * The gate of a worker, to one account. Resolves once it knows of the pause in force.
 * Throws a `StartError` for a limit on the embedded Redis, which takes a tenth of a second for a command: no slot would
 * still be good when its call comes.
 */
export async function startGate(
  context: FleetContext,
  account: AccountConfig,
  { client, subscriber, metrics }: GateParts,
): Promise<GateOfProcess> {
  const { config, closers, logger } = context;
  const { requests, tokens, classRequests } = account.quota;
  const onPermit: OnPermit = (callClass, waitedSeconds) => {
    const labels = { account: account.name, class: callClass };
    metrics.limiter.permits.inc(labels);
    metrics.limiter.waitSeconds.observe(labels, waitedSeconds);
  };
  const limiter = createRedisLimiter({
    ...limiterOptions(config, account, client, subscriber),
    observer: {
      permitted: onPermit,
      refused: () => {},
      reachable: (isReachable) => {
        const fields = { account: account.name };
        if (isReachable) logger.info(fields, 'the limiter reaches Redis again');
        else logger.warn(fields, 'the limiter cannot reach Redis: no call goes out');
      },
    },
  });
  closers.add('limiter', () => limiter.close());
  const pauses = new RedisPauseGate(
    client,
    subscriber,
    accountKeys(config.prefix, idOf(account)),
    systemClock,
  );
  await pauses.start();
  const limited =
    (requests ?? 0) > 0 || (tokens ?? 0) > 0 || Object.values(classRequests).some((limit) => limit > 0);
  const slow = context.slowRedis || (await isEmbedded(client));
  if (limited && slow) {
    throw new StartError(
      'RUNFLEET_RPM and RUNFLEET_TPM need a real Redis: the embedded one is too slow to keep a quota.\n' +
        'Install redis-server or valkey-server, or set REDIS_URL.',
    );
  }
  const gate = new LearningGate(pauses, limiter, { limited, learns: !slow }, onPermit);
  return {
    gate,
    snapshot: () => limiter.snapshot(),
    check: () => gate.check(),
    onAnswer: (httpStatus, headers) => {
      if (slow) return;
      gate.observe({ httpStatus, headers: readRateHeaders((name) => headers?.get(name) ?? null) });
    },
  };
}

/** Also one that was given by its address. */
async function isEmbedded(client: RedisClient): Promise<boolean> {
  // Without the right to ask, it is a server that somebody has set up with care.
  const info = await client.info('server').catch(() => '');
  return info.includes('os:wasi');
}

export function limiterOptions(
  config: KeptConfig,
  account: AccountConfig,
  client: RedisClient,
  subscriber: RedisClient,
): RedisLimiterOptions {
  const { requests, tokens, classRequests, looksAreFree, jitterMs } = account.quota;
  return {
    client,
    subscriber,
    prefix: config.prefix,
    account: limiterAccount(account),
    settings: {
      requests,
      tokens,
      classRequests,
      freeClasses: looksAreFree ? (['look'] as const) : [],
      jitterMs,
      initialRequests: firstGuess,
    },
  };
}

/** What `GET /v1/quota`, the metrics and readiness tell of the quotas: read from the shared state, so any process can. */

import {
  createRedisLimiter,
  type QuotaSnapshot,
  type RedisLimiter,
} from '../adapters/redis-limiter/limiter.ts';
import type { RedisClient } from '../adapters/redis-sdk/client.ts';
import type { AccountQuota, QuotaView } from '../domain/wire/quota-view.ts';
import type { AccountConfig } from '../config/index.ts';
import { idOf } from './account-id.ts';
import type { FleetContext } from './fleet.ts';
import { limiterOptions } from './quota.ts';

export interface NamedQuota {
  readonly name: string;
  readonly quota: QuotaSnapshot;
}

export interface Quotas {
  /** In the order of the configuration: the default account first. Names of one account are read once. */
  readonly read: () => Promise<readonly NamedQuota[]>;
  /** Rejects where no process can be given a permit. */
  readonly check: (account: AccountConfig) => Promise<void>;
}

export function startQuotas(context: FleetContext, client: RedisClient, subscriber: RedisClient): Quotas {
  const limiters = new Map<string, RedisLimiter>();
  for (const account of context.accounts) {
    const id = idOf(account);
    if (limiters.has(id)) continue;
    const limiter = createRedisLimiter(limiterOptions(context.config, account, client, subscriber));
    limiters.set(id, limiter);
    context.closers.add(`quota of ${account.name}`, () => limiter.close());
  }
  return {
    async read() {
      const read = await Promise.all(
        [...limiters].map(async ([id, limiter]) => [id, await limiter.snapshot()] as const),
      );
      const byId = new Map(read);
      return context.accounts.flatMap((account) => {
        const quota = byId.get(idOf(account));
        return quota === undefined ? [] : [{ name: account.name, quota }];
      });
    },
    async check(account) {
      await limiters.get(idOf(account))?.check();
    },
  };
}

/** The default account's stands at the top, as it did when there was but one. */
export function quotaView(quotas: readonly NamedQuota[]): QuotaView {
  const accounts = quotas.map(({ name, quota }) => ({ name, ...accountView(quota) }));
  const [first] = accounts;
  if (first === undefined) throw new Error('A process without accounts has no quota to show.');
  const { name: _name, ...top } = first;
  return { object: 'runfleet.quota', ...top, accounts };
}

function accountView(snapshot: QuotaSnapshot): AccountQuota {
  const { requests, tokens, classes, pausedUntilMs } = snapshot;
  return {
    account: snapshot.account,
    window_seconds: snapshot.windowMs / 1000,
    requests: unitView(requests),
    tokens: unitView(tokens),
    classes: {
      create: classView(classes.create),
      look: classView(classes.look),
      submit: classView(classes.submit),
      cancel: classView(classes.cancel),
      other: classView(classes.other),
    },
    waiting_for: snapshot.waitingFor,
    paused_until: pausedUntilMs === null ? null : new Date(pausedUntilMs).toISOString(),
  };
}

function unitView({ limit, used, usedRatio, source }: QuotaSnapshot['requests']): QuotaView['requests'] {
  return { limit: limit === null ? null : Math.floor(limit), used, used_ratio: usedRatio, source };
}

function classView({
  limit,
  usedInWindow,
  booked,
  queued,
}: QuotaSnapshot['classes']['create']): QuotaView['classes']['create'] {
  return { limit, used: usedInWindow, booked: Math.round(booked), queued };
}

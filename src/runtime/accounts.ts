/** The accounts of a process, from their settings. */

import { accountKeys } from '../adapters/redis/keys.ts';
import { RedisPacingStore } from '../adapters/redis/pacing-store.ts';
import { RedisProviderHealth } from '../adapters/redis/provider-health.ts';
import type { RedisClient } from '../adapters/redis-sdk/client.ts';
import type { AccountConfig } from '../config/index.ts';
import type { KeptConfig } from './connections.ts';
import { AccountDirectory } from '../app/account-directory.ts';
import { arrivalChance } from '../domain/polling/webhook-arrival.ts';
import type { Account, Accounts } from '../ports/accounts.ts';
import type { ProviderHealth } from '../ports/provider-health.ts';
import { idOf } from './account-id.ts';
import { systemClock } from './clock.ts';
import type { FleetContext } from './fleet.ts';
import { createProviders } from './kinds.ts';
import { type GateOfProcess, type GateParts, startGate } from './quota.ts';
import type { AccountChecks } from './readiness.ts';
import { Standings } from './standings.ts';

/**
 * For a process that makes no calls. It asks the limiters too, since it is here that people ask; but what it accepts
 * waits safely for a permit, so that it is ready without one.
 */
export function healthChecks(
  { accounts, config }: FleetContext,
  client: RedisClient,
  checkLimiter: (account: AccountConfig) => Promise<void>,
): readonly AccountChecks[] {
  const pacing = new RedisPacingStore(client, config.prefix);
  return accounts.map((account) => ({
    name: account.name,
    health: healthOf(account, client, config),
    checkLimiter: () => checkLimiter(account),
    needsPermits: false,
    ...(account.webhookSecrets.length === 0
      ? {}
      : {
          webhookChance: async () => {
            const state = await pacing.read(idOf(account));
            return state === null ? null : arrivalChance(state.arrival);
          },
        }),
  }));
}

/** What a run may name. */
export function accountNames({ accounts, config }: FleetContext): readonly string[] {
  return [...accounts, ...config.pools].map(({ name }) => name);
}

function healthOf(account: AccountConfig, client: RedisClient, config: KeptConfig): ProviderHealth {
  return new RedisProviderHealth(client, accountKeys(config.prefix, idOf(account)), systemClock);
}

type Started = Account & { readonly checkLimiter: () => Promise<void> };

export interface AccountsOfProcess {
  readonly accounts: Accounts;
  readonly checks: readonly AccountChecks[];
}

/** Those of a worker, which makes calls. Names of one key at one server share its gate. Throws a `StartError`. */
export async function startAccounts(context: FleetContext, parts: GateParts): Promise<AccountsOfProcess> {
  const { config } = context;
  const gates = new Map<string, GateOfProcess>();
  const standings = new Standings();
  const start = async (settings: AccountConfig): Promise<Started> => {
    const { name } = settings;
    const id = idOf(settings);
    const gate = gates.get(id) ?? (await startGate(context, settings, parts));
    gates.set(id, gate);
    const health = healthOf(settings, parts.client, config);
    if (config.pools.some(({ members }) => members.includes(name)))
      standings.add(name, { quota: gate.snapshot, health });
    return {
      name,
      providers: createProviders(settings, gate.onAnswer),
      gate: gate.gate,
      health,
      standing: () => standings.of(name),
      checkLimiter: gate.check,
    };
  };
  const [first, ...others] = context.accounts;
  const accounts: [Started, ...Started[]] = [await start(first)];
  for (const settings of others) accounts.push(await start(settings));
  await standings.start(context);
  return {
    accounts: new AccountDirectory({ accounts, pools: config.pools, clock: systemClock }),
    checks: accounts,
  };
}

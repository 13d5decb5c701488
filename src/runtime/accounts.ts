/** The accounts of a process, from their settings. */

import { accountKeys } from '../adapters/redis/keys.ts';
import { RedisProviderHealth } from '../adapters/redis/provider-health.ts';
import type { Metrics } from '../adapters/metrics/metrics.ts';
import type { RedisClient } from '../adapters/redis-sdk/client.ts';
import type { AccountConfig, Config } from '../config/index.ts';
import type { Account } from '../ports/accounts.ts';
import type { ProviderHealth } from '../ports/provider-health.ts';
import { idOf } from './account-id.ts';
import { systemClock } from './clock.ts';
import type { FleetContext } from './fleet.ts';
import { createProviders } from './kinds.ts';
import { type GateOfProcess, startGate } from './quota.ts';

export function healthOf(account: AccountConfig, client: RedisClient, config: Config): ProviderHealth {
  return new RedisProviderHealth(client, accountKeys(config.prefix, idOf(account)), systemClock);
}

/** Those of a worker, which makes calls. Names of one key at one server share its gate. Throws a `StartError`. */
export async function startAccounts(
  context: FleetContext,
  client: RedisClient,
  subscriber: RedisClient,
  metrics: Metrics,
): Promise<readonly Account[]> {
  const gates = new Map<string, GateOfProcess>();
  const accounts: Account[] = [];
  for (const settings of context.accounts) {
    const id = idOf(settings);
    const gate = gates.get(id) ?? (await startGate(context, settings, { client, subscriber, metrics }));
    gates.set(id, gate);
    accounts.push({
      name: settings.name,
      providers: createProviders(settings, gate.onAnswer),
      gate: gate.gate,
      health: healthOf(settings, client, context.config),
    });
  }
  return accounts;
}

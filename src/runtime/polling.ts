/** How a worker decides when to look. */

import { once } from 'node:events';
import { RedisDurationStore } from '../adapters/redis/duration-store.ts';
import { redisKeys } from '../adapters/redis/keys.ts';
import type { RedisClient } from '../adapters/redis-sdk/client.ts';
import { RedisPacingStore } from '../adapters/redis/pacing-store.ts';
import { LearnedPolling } from '../app/learned-polling.ts';
import { Pacing } from '../app/pacing.ts';
import { BackoffPolling, type Polling } from '../app/polling.ts';
import { DurationModel } from '../domain/polling/duration-model.ts';
import { Planner } from '../domain/polling/planner.ts';
import { backoffSchedule } from '../domain/poll-schedule.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { idOf } from './account-id.ts';
import { systemClock } from './clock.ts';
import type { FleetContext } from './fleet.ts';
import { startHousekeeping } from './housekeeping.ts';

/** So often what was learnt goes to the fleet. */
const syncIntervalMs = 1000;
/** A Redis that is away must not hold a shutdown up. */
const lastSyncMs = 2000;

export function startPolling(context: FleetContext, client: RedisClient, telemetry: Telemetry): Polling {
  const { config, logger, closers } = context;
  const backoff = backoffSchedule(config.backoff);
  if (config.pollPolicy === 'backoff') {
    return new BackoffPolling({ schedule: backoff, costMs: config.pollCostMs });
  }
  const model = new DurationModel();
  const polling = new LearnedPolling({
    model,
    planner: new Planner(model),
    pacing: startPacing(context, client, telemetry),
    store: new RedisDurationStore(client, redisKeys(config.prefix), systemClock),
    clock: systemClock,
    telemetry,
    costMs: config.pollCostMs,
    backoff,
  });
  const syncing = startHousekeeping(() => polling.sync(), syncIntervalMs, logger);
  closers.add('durations', async () => {
    await syncing.stop();
    // What the last steps have taught; they are done by now, since closing goes in reverse order.
    const late = AbortSignal.timeout(lastSyncMs);
    await Promise.race([polling.sync(), once(late, 'abort')]);
  });
  return polling;
}

function startPacing({ config, accounts }: FleetContext, client: RedisClient, telemetry: Telemetry): Pacing {
  return new Pacing({
    store: new RedisPacingStore(client, config.prefix),
    accounts: new Map(
      accounts.map((account) => [
        account.name,
        { id: idOf(account), hasWebhooks: account.webhookSecrets.length > 0 },
      ]),
    ),
    costMs: config.pollCostMs,
    telemetry,
  });
}

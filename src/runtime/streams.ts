/** How a worker reads the streams of runs. */

import { randomUUID } from 'node:crypto';
import { redisKeys } from '../adapters/redis/keys.ts';
import { RedisStreamLedger } from '../adapters/redis/stream-ledger.ts';
import { addStreamGauge, type Metrics } from '../adapters/metrics/metrics.ts';
import type { RedisClient } from '../adapters/redis-sdk/client.ts';
import { StreamHolder } from '../app/stream-holder.ts';
import type { RunStore } from '../ports/run-store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { systemClock } from './clock.ts';
import type { FleetContext } from './fleet.ts';
import { startHousekeeping } from './housekeeping.ts';

/** Deltas come by the token; this many of them a second reach Redis and the subscribers. */
const flushIntervalMs = 75;
/** A third of a claim's life: one renewal may be late, and one lost. */
const renewIntervalMs = 3000;

export function startStreams(
  context: FleetContext,
  client: RedisClient,
  store: RunStore,
  telemetry: Telemetry,
  metrics: Metrics,
): StreamHolder {
  const { config, logger, closers } = context;
  const holder = new StreamHolder({
    ledger: new RedisStreamLedger(client, redisKeys(config.prefix), {
      keepSeconds: config.keepResultsSeconds,
    }),
    store,
    clock: systemClock,
    telemetry,
    readerId: randomUUID(),
    limit: config.streams,
    idleMs: config.streamIdleMs,
  });
  addStreamGauge(metrics.registry, () => holder.open);
  const flushing = startHousekeeping(() => holder.flush(), flushIntervalMs, logger);
  const renewing = startHousekeeping(() => holder.renew(), renewIntervalMs, logger);
  closers.add('streams', async () => {
    await Promise.all([flushing.stop(), renewing.stop()]);
    await holder.stop();
  });
  return holder;
}

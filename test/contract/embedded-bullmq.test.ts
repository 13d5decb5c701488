/** The run store and its worker, on the embedded Redis: what `npm run demo` stands on. */

import { useRedis } from '../support/redis.ts';
import { startEmbedded } from '../support/redis-server.ts';
import { bullmqRunStoreConformance } from '../support/run-store-harness.ts';

bullmqRunStoreConformance('BullMQ on the embedded Redis', useRedis(startEmbedded));

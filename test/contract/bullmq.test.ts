/** The run store and its worker, on the Redis of this machine. */

import { useRedis } from '../support/redis.ts';
import { bullmqRunStoreConformance } from '../support/run-store-harness.ts';

bullmqRunStoreConformance('BullMQ', useRedis());

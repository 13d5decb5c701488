/** The small ports on the Redis of this machine. */

import { pauseGateConformance } from '../support/pause-gate-suite.ts';
import { redisPortsConformance } from '../support/redis-ports.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
redisPortsConformance('Redis', redis);
pauseGateConformance('Redis', redis);

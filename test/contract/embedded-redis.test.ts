/** The small ports on the embedded Redis. */

import { pauseGateConformance } from '../support/pause-gate-suite.ts';
import { redisPortsConformance } from '../support/redis-ports.ts';
import { useRedis } from '../support/redis.ts';
import { startEmbedded } from '../support/redis-server.ts';

const redis = useRedis(startEmbedded);
redisPortsConformance('the embedded Redis', redis);
pauseGateConformance('the embedded Redis', redis);

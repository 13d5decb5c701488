/** The tools of the end-to-end tests. What they do to the world is a list in Redis. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { ToolContext } from '../../src/adapters/tools/tool.ts';
import { connectRedis } from '../../src/adapters/redis-sdk/client.ts';
import { processEnvironment } from '../../src/config/index.ts';
import { effectsKey, type Effect } from './tool-effects.ts';

const { REDIS_URL = '', RUNFLEET_PREFIX = '', TEST_TOOL_MS = '0' } = processEnvironment();
const redis = connectRedis(REDIS_URL, 'patient');

async function note(what: Effect['what'], { toolCallId }: ToolContext): Promise<void> {
  const effect: Effect = { what, toolCallId, pid: process.pid, atMs: Date.now() };
  await redis.rpush(effectsKey(RUNFLEET_PREFIX), JSON.stringify(effect));
}

export default {
  simulated_tool: {
    handler: async (_args: unknown, context: ToolContext): Promise<string> => {
      await note('started', context);
      await sleep(Number(TEST_TOOL_MS));
      await note('done', context);
      return `answer to ${context.toolCallId}`;
    },
  },
  block: {
    handler: async (_args: unknown, context: ToolContext): Promise<string> => {
      await note('started', context);
      const untilMs = performance.now() + 9000;
      while (performance.now() < untilMs);
      await note('done', context);
      return 'at last';
    },
  },
  approve: {
    timeoutSeconds: 3600,
    handler: async (_args: unknown, context: ToolContext): Promise<string> => {
      await note('started', context);
      await sleep(3_600_000, null, { signal: context.signal }).catch(() => note('aborted', context));
      return 'aborted';
    },
  },
};

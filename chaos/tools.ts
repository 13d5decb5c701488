/** The tools of the fleet under chaos. Each start and finish is told to the chaos process, which no fault reaches. */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ToolContext } from '../src/adapters/tools/tool.ts';
import { processEnvironment } from '../src/config/index.ts';

const { CHAOS_EFFECTS_URL = '' } = processEnvironment();

async function tell(what: 'started' | 'finished', execution: string, context: ToolContext): Promise<void> {
  const { runId, toolCallId } = context;
  const body = JSON.stringify({ what, execution, runId, toolCallId, pid: process.pid });
  await fetch(CHAOS_EFFECTS_URL, { method: 'POST', body });
}

export default {
  simulated_tool: {
    handler: async (_args: unknown, context: ToolContext): Promise<string> => {
      const execution = randomUUID();
      await tell('started', execution, context);
      await sleep(20 + Math.random() * 400);
      await tell('finished', execution, context);
      return `answer to ${context.toolCallId}`;
    },
  },
};

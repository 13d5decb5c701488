/** Is there somebody for what waits in the queues of helpers? Looked at in Redis itself: the API may be down. */

import { fail, ok, setting, warn } from './finding.ts';
import type { Env, Finding } from './finding.ts';

export interface HelperQueues {
  readonly tools: {
    readonly calls: number;
    readonly longestMs: number;
    readonly unserved: readonly string[];
  };
  /** Callbacks that are still to be delivered. */
  readonly callbacks: number;
}

export function checkQueues({ tools, callbacks }: HelperQueues, env: Env): Finding[] {
  return [checkWaitingTools(tools), checkCallbacks(callbacks, env)];
}

/** A call waits for a moment in every healthy fleet. */
const soonMs = 10_000;
const mostNames = 10;

function checkWaitingTools({ calls, longestMs, unserved }: HelperQueues['tools']): Finding {
  const check = 'tools.served';
  if (unserved.length > 0) {
    const names = unserved.slice(0, mostNames).join(', ') + (unserved.length > mostNames ? ', …' : '');
    return fail(
      check,
      `Runs wait for tools that nobody serves: ${names}`,
      'Start `runfleet tools` with a module that has them, or a worker of yours; see docs/tools.md.',
    );
  }
  if (calls > 0 && longestMs > soonMs) {
    return warn(
      check,
      `${calls} tool calls wait for a worker, the oldest for ${Math.round(longestMs / 1000)} s`,
      'Start more workers of the queue "tools", or raise RUNFLEET_TOOLS_CONCURRENCY.',
    );
  }
  return ok(check, 'No run waits for a tool that nobody serves');
}

function checkCallbacks(waiting: number, env: Env): Finding {
  const check = 'callbacks.secret';
  const hasSecret = setting(env, 'RUNFLEET_CALLBACK_SECRET') !== undefined;
  if (waiting === 0 || hasSecret) return ok(check, `${waiting} callbacks are still to be delivered`);
  return fail(
    check,
    `${waiting} callbacks are to be delivered, and RUNFLEET_CALLBACK_SECRET is not set`,
    'Set the secret that signs them, and start `runfleet callbacks` with it; see docs/callbacks.md.',
  );
}

/** The runs that are sent: the same ones for the same seed. */

import type { RunInput } from '../src/client/index.ts';
import { Draw } from './draw.ts';

export interface PlannedRun {
  readonly n: number;
  readonly input: RunInput;
  /** Stands for this run, however often it is sent. Null: it goes with others, and cannot be sent again. */
  readonly idempotencyKey: string | null;
  /** From its acceptance to its cancel; null: never. */
  readonly cancelAfterMs: number | null;
  /** How its sender learns of its end, beside a callback. */
  readonly watch: 'events' | 'wait' | 'none';
}

/** The rest of `metadata` is the simulator's: see docs/simulator.md. */
export const outputOf = (n: number): string => `The answer to number ${n}.`;
/** In the run's own metadata: which planned run a record is. */
export const numberKey = 'chaos_n';

const deadlineSeconds = 30;
const functionTool = {
  type: 'function',
  name: 'simulated_tool',
  parameters: { type: 'object', properties: {} },
};

export interface Places {
  readonly threads: readonly string[];
  readonly callbackUrl: string;
}

export function planRun(seed: number, n: number, places: Places): PlannedRun {
  const draw = Draw.from(seed, `run ${n}`);
  const cancelled = draw.chance(0.07);
  const hasty = draw.chance(0.05);
  return {
    n,
    input: {
      ...(draw.chance(0.6) ? aResponse(n, draw) : anAssistantsRun(n, draw, places)),
      follow: draw.one(['auto', 'poll', 'webhook', 'stream']),
      priority: draw.chance(0.2) ? draw.whole(1, 9) : 0,
      deadline_seconds: hasty ? draw.whole(1, 5) : deadlineSeconds,
      on_ambiguous: draw.chance(0.3) ? 'retry' : 'fail',
      tools: { mode: 'queue' },
      ...(draw.chance(0.2) ? { lane: `lane-${draw.whole(1, 3)}` } : {}),
      ...(draw.chance(0.4) ? { callback: { url: places.callbackUrl } } : {}),
      metadata: { [numberKey]: String(n) },
    },
    idempotencyKey: draw.chance(0.8) ? `chaos-${seed}-${n}` : null,
    cancelAfterMs: cancelled ? draw.whole(0, 3000) : null,
    watch: draw.one(['events', 'wait', 'none']),
  };
}

function aResponse(n: number, draw: Draw): Pick<RunInput, 'kind' | 'request'> {
  const request = { model: 'gpt-5', input: `Number ${n}`, metadata: fate(n, draw) };
  return { kind: 'responses', request: { ...request, tools: [functionTool] } };
}

function anAssistantsRun(n: number, draw: Draw, { threads }: Places): Pick<RunInput, 'kind' | 'request'> {
  const own = { thread: { messages: [{ role: 'user', content: `Number ${n}` }] } };
  const thread = draw.chance(0.4) ? { thread_id: draw.one(threads) } : own;
  return { kind: 'assistants', request: { assistant_id: 'asst_1', ...thread, metadata: fate(n, draw) } };
}

function fate(n: number, draw: Draw): Record<string, string> {
  const rounds = draw.chance(0.3) ? draw.whole(1, 3) : 0;
  const ending = draw.chance(0.9)
    ? 'completed'
    : draw.one(['failed', 'incomplete', 'expired', 'cancelled', 'never']);
  return {
    sim_duration_ms: String(draw.whole(50, draw.chance(0.1) ? 8000 : 1500)),
    sim_queue_ms: '0',
    sim_ending: ending,
    sim_output: outputOf(n),
    sim_tool_rounds: String(rounds),
    sim_tool_calls: String(draw.whole(1, 4)),
  };
}

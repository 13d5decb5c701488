/** A mixture of all that runs do, the same for every soak. */

import type { RunInput } from '../../src/client/index.ts';

/** Runs of the mixture come in rounds of so many. */
export const sorts = 12;
/** Of a round, the one that is sent with an `Idempotency-Key`, twice; and the one that is cancelled. */
export const keyed = 10;
export const cancelled = 11;
const lanes = 20;

const fate = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  sim_duration_ms: '600',
  sim_queue_ms: '50',
  ...more,
});
const tool = { type: 'function', name: 'simulated_tool', parameters: { type: 'object' } };
const thread = { messages: [{ role: 'user', content: 'Hello' }] };
const response = (more: Readonly<Record<string, string>> = {}): Record<string, unknown> => ({
  model: 'gpt-5',
  input: 'Hello',
  metadata: fate(more),
});

/** `at`: which run of all; `callbackUrl`: where those with a callback tell of their end. */
export function inputOf(at: number, callbackUrl: string): RunInput {
  switch (at % sorts) {
    case 0:
      return {
        request: { ...response({ sim_tool_rounds: '1' }), tools: [tool] },
        tools: { mode: 'queue' },
      };
    case 1:
      return { request: response(), callback: { url: callbackUrl } };
    case 2:
      return { kind: 'assistants', request: { assistant_id: 'asst_1', thread, metadata: fate() } };
    case 3:
    case 4:
      return {
        request: response({ sim_duration_ms: '100' }),
        lane: `lane-${Math.floor(at / sorts) % lanes}`,
      };
    case 5:
      return { request: response({ sim_ending: 'failed' }), label: `label-${at % 3}` };
    case 6:
      return { request: response(), follow: 'stream' };
    case 7:
      // Larger than what stands in the job.
      return { request: { ...response(), input: 'A long prompt. '.repeat(500) } };
    case 8:
      return { request: response({ sim_ending: 'incomplete' }), priority: 5 };
    case 9:
      return {
        kind: 'assistants',
        request: {
          assistant_id: 'asst_1',
          thread,
          tools: [{ type: 'function', function: { name: tool.name, parameters: tool.parameters } }],
          metadata: fate({ sim_tool_rounds: '1' }),
        },
        tools: { mode: 'queue' },
      };
    case cancelled:
      return { request: response({ sim_duration_ms: '60000' }) };
    default:
      return { request: response() };
  }
}

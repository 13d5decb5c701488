/** The tools of the demo: what stands in `RUNFLEET_TOOLS_MODULE` for a fleet of your own. */

import { setTimeout as sleep } from 'node:timers/promises';

interface Context {
  readonly signal: AbortSignal;
  readonly toolCallId: string;
}

export default {
  get_weather: {
    handler: async (_args: unknown, { signal }: Context) => {
      await sleep(300, undefined, { signal });
      return { celsius: 21 };
    },
  },
  ask_a_colleague: {
    handler: async (_args: unknown, { signal, toolCallId }: Context) => {
      await sleep(1500, undefined, { signal });
      return `Approved (${toolCallId}).`;
    },
  },
};

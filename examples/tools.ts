/**
 * A module of tools: `RUNFLEET_TOOLS_MODULE=./examples/tools.ts npx runfleet tools`.
 * The names are those of the functions that your runs offer to the model.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';

interface Context {
  /** Aborted at a timeout, the run's deadline or its cancel. */
  readonly signal: AbortSignal;
  /** The same when the call is run again: give it to whatever must happen once. */
  readonly toolCallId: string;
  readonly runId: string;
}

const city = z.object({ city: z.string().min(1) });

export default {
  get_weather: {
    // Optional. What does not fit is told to the model, and the handler is not called.
    parameters: city,
    // A text goes to the model as it is, any other JSON value as its JSON text.
    handler: async (args: z.output<typeof city>, { signal }: Context) => {
      // For a real one: await fetch(url, { signal })
      await sleep(100, null, { signal });
      return { city: args.city, celsius: 4 + (args.city.length % 12), sky: 'rain' };
    },
  },

  order_taxi: {
    parameters: z.object({ to: z.string(), persons: z.int().min(1).max(6).default(1) }),
    timeoutSeconds: 30,
    handler: async (args: { to: string; persons: number }, { toolCallId }: Context) => {
      // An error reaches the model too, in its own words: throw new Error('No taxi is free.').
      return `Ordered a taxi for ${args.persons} to ${args.to}. Reference: ${toolCallId}.`;
    },
  },
};

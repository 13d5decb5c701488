/** Assistants runs, against the simulator: on a thread that exists, which is the kind that can be found again. */

import { AssistantsProvider } from '../../src/adapters/openai-assistants/index.ts';
import { providerHarness, threadIn } from '../support/provider-harness.ts';
import { runProviderConformance } from './suites/run-provider.ts';

runProviderConformance(
  'assistants',
  {
    endings: ['completed', 'failed', 'incomplete', 'cancelled', 'expired'],
    stays: ['queued', 'in_progress', 'requires_action'],
    separateOutput: true,
    canFind: true,
    groupLooks: true,
    invalid: [
      { request: {}, path: ['assistant_id'] },
      { request: { assistant_id: 'asst_1', thread_id: '../x' }, path: ['thread_id'] },
      { request: { assistant_id: 'asst_1', thread_id: 'thread_1', thread: {} }, path: ['thread'] },
      { request: { assistant_id: 'asst_1', stream: true }, path: ['stream'] },
      { request: { assistant_id: 'asst_1', metadata: { runfleet_id: 'mine' } }, path: ['metadata'] },
    ],
  },
  () =>
    providerHarness(
      (client) => new AssistantsProvider(client),
      async (simulator, metadata) => ({
        assistant_id: 'asst_1',
        thread_id: await threadIn(simulator),
        metadata,
      }),
    ),
);

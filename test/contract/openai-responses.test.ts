/** Background responses, against the simulator. */

import { ResponsesProvider } from '../../src/adapters/openai-responses/index.ts';
import { providerHarness } from '../support/provider-harness.ts';
import { runProviderConformance } from './suites/run-provider.ts';

runProviderConformance(
  'responses',
  {
    endings: ['completed', 'failed', 'incomplete', 'cancelled'],
    stays: ['queued', 'in_progress'],
    separateOutput: false,
    canFind: false,
    groupLooks: false,
    invalid: [
      { request: { model: 7 }, path: ['model'] },
      { request: {}, path: ['model'] },
      { request: { model: 'gpt-5', stream: true }, path: ['stream'] },
      { request: { model: 'gpt-5', metadata: { runfleet_id: 'mine' } }, path: ['metadata'] },
      { request: { model: 'gpt-5', metadata: { key: 'x'.repeat(513) } }, path: ['metadata', 'key'] },
    ],
  },
  () =>
    providerHarness(
      (client) => new ResponsesProvider(client),
      (_simulator, metadata) => Promise.resolve({ model: 'gpt-5', input: 'Hello', metadata }),
    ),
);

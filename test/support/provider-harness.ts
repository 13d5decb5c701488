/** The real providers for the suite of their port, against the simulator. */

import { createOpenAiClient, type OpenAiOptions } from '../../src/adapters/openai-sdk/client.ts';
import type { ProviderRequest, RunProvider } from '../../src/ports/run-provider.ts';
import { type Fault, type Simulator, startSimulator } from '../../src/simulator/index.ts';
import type { Fate, RunProviderHarness, Trouble } from '../contract/suites/run-provider.ts';

export const apiKey = 'sk-test-0123456789abcdef';

export interface ProviderHarness extends RunProviderHarness {
  readonly simulator: Simulator;
}

export async function providerHarness(
  make: (client: ReturnType<typeof createOpenAiClient>) => RunProvider,
  request: (simulator: Simulator, metadata: Record<string, string>) => Promise<ProviderRequest>,
  options: Partial<OpenAiOptions> = {},
): Promise<ProviderHarness> {
  const simulator = await startSimulator({ apiKeys: [apiKey] });
  const client = createOpenAiClient({ apiKey, baseUrl: simulator.baseUrl, ...options });
  return {
    simulator,
    provider: make(client),
    request: (fate) => request(simulator, metadataOf(fate)),
    trouble(trouble) {
      simulator.setFaults({ rules: [{ operation: '*', fault: faultOf(trouble), next: 1 }] });
      return Promise.resolve();
    },
    callsReceived: () => Promise.resolve(simulator.ledger().callsTotal),
    startedFor(runId) {
      const runs = simulator.ledger({ runs: true }).runs ?? [];
      return Promise.resolve(runs.filter(({ runfleetId }) => runfleetId === runId).length);
    },
    close: () => simulator.close(),
  };
}

const hour = '3600000';

function metadataOf(fate: Fate): Record<string, string> {
  if ('endsAs' in fate) return { sim_ending: fate.endsAs, sim_duration_ms: '0', sim_queue_ms: '0' };
  // Any word can stand here, so this is no list of cases.
  const { stays } = fate;
  if (stays === 'queued') return { sim_queue_ms: hour, sim_duration_ms: hour };
  if (stays === 'in_progress') return { sim_queue_ms: '0', sim_duration_ms: hour };
  if (stays === 'requires_action') return { sim_queue_ms: '0', sim_duration_ms: '0', sim_ending: 'tools' };
  return { sim_queue_ms: '0', sim_duration_ms: hour, sim_status: stays };
}

function faultOf(trouble: Trouble): Fault {
  switch (trouble.type) {
    case 'api_error': {
      const { status, retryAfterMs } = trouble;
      return { type: 'http_error', status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    }
    case 'html':
      return { type: 'http_error', status: trouble.status };
    case 'reset':
    case 'lost_reply':
    case 'garbage':
      return trouble;
    default: {
      const never: never = trouble;
      return never;
    }
  }
}

/** A new thread with one message. */
export async function threadIn(simulator: Simulator): Promise<string> {
  const { sdk } = createOpenAiClient({ apiKey, baseUrl: simulator.baseUrl });
  const thread = await sdk.beta.threads.create({ messages: [{ role: 'user', content: 'Hello' }] });
  return thread.id;
}

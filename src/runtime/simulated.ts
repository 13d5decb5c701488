/** The account that stands in where none is configured: our own simulator. */

import { randomBytes } from 'node:crypto';
import { type AccountConfig, defaultAccountName } from '../config/index.ts';
import type { KeptConfig } from './connections.ts';
import { type Simulator, startSimulator } from '../simulator/index.ts';
import type { Closers } from './closers.ts';

export interface SimulatedAccount {
  readonly account: AccountConfig;
  readonly simulator: Simulator;
}

export async function simulatedAccount(config: KeptConfig, closers: Closers): Promise<SimulatedAccount> {
  const simulator = await startSimulator();
  closers.add('simulator', () => simulator.close());
  const account = {
    name: defaultAccountName,
    apiKey: 'simulated',
    baseUrl: simulator.baseUrl,
    quota: config.quota,
    webhookSecrets: [newWebhookSecret()],
  };
  return { account, simulator };
}

/** From now on the simulator tells this API of its runs. */
export function tellOfRuns({ simulator, account }: SimulatedAccount, apiUrl: string): void {
  const [secret] = account.webhookSecrets;
  if (secret === undefined) return;
  simulator.configure({ webhooks: { url: `${apiUrl}/v1/webhooks/openai`, secret, threadRuns: true } });
}

/** In memory alone: it is good for this process. */
function newWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

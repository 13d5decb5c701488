/** One API process, one worker, the simulator here, and a relay that notes when each webhook came. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { RunfleetClient } from '../../src/client/index.ts';
import { type Simulator, startSimulator } from '../../src/simulator/index.ts';
import { FleetProcesses } from '../fleet/processes.ts';

export const secret = `whsec_${Buffer.from('the secret of the benchmark, 32b').toString('base64')}`;
/** Of every answer of the provider. */
export const latencyMs = 40;

export class BenchFleet implements AsyncDisposable {
  readonly client: RunfleetClient;
  readonly webhookUrl: string;
  readonly simulator: Simulator;
  /** When the webhook of each run at the provider came, wall clock. */
  readonly cameAtMs = new Map<string, number>();
  private readonly processes: FleetProcesses;
  private readonly relay: Server;

  private constructor(simulator: Simulator, processes: FleetProcesses) {
    this.simulator = simulator;
    this.processes = processes;
    this.client = new RunfleetClient({ baseUrl: processes.apiUrl });
    this.webhookUrl = `${processes.apiUrl}/v1/webhooks/openai`;
    this.relay = createServer((request, response) => void this.pass(request, response));
  }

  static async start(redisPort: number): Promise<BenchFleet> {
    const simulator = await startSimulator({
      queueDurations: { type: 'fixed', ms: 0 },
      latencyMs: { type: 'fixed', ms: latencyMs },
    });
    const processes = await FleetProcesses.start(['api', 'runs'], {
      REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      OPENAI_API_KEY: 'sk-bench',
      OPENAI_BASE_URL: simulator.baseUrl,
      OPENAI_WEBHOOK_SECRET: secret,
      // Looks by themselves would only blur what webhooks do.
      RUNFLEET_POLL_POLICY: 'backoff',
      RUNFLEET_BACKOFF_INITIAL_MS: '60000',
      RUNFLEET_BACKOFF_MAX_MS: '60000',
    });
    const fleet = new BenchFleet(simulator, processes);
    fleet.relay.listen(0, '127.0.0.1');
    await once(fleet.relay, 'listening');
    const address = fleet.relay.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    simulator.configure({ webhooks: { url: `http://127.0.0.1:${port}/`, secret } });
    return fleet;
  }

  private async pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const event: { data?: { id?: string } } = JSON.parse(body);
    this.cameAtMs.set(event.data?.id ?? '', Date.now());
    const headers = Object.fromEntries(
      ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => [
        name,
        String(request.headers[name]),
      ]),
    );
    const answer = await fetch(this.webhookUrl, { method: 'POST', headers, body });
    response.writeHead(answer.status).end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.processes[Symbol.asyncDispose]();
    this.relay.closeAllConnections();
    this.relay.close();
    await this.simulator.close();
  }
}

/** One API process, workers, the simulator here, and a relay that notes when each webhook came. */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { RunfleetClient } from '../../src/client/index.ts';
import { type Simulator, startSimulator, type WebhookOptions } from '../../src/simulator/index.ts';
import { FleetProcesses } from '../fleet/processes.ts';

export const secret = `whsec_${Buffer.from('the secret of the benchmark, 32b').toString('base64')}`;
/** Of every answer of the provider. */
export const latencyMs = 40;

/** Looks by themselves would only blur what webhooks do. */
export const webhooksAlone = {
  RUNFLEET_POLL_POLICY: 'backoff',
  RUNFLEET_BACKOFF_INITIAL_MS: '60000',
  RUNFLEET_BACKOFF_MAX_MS: '60000',
};

export interface BenchFleetOptions {
  readonly redisPort: number;
  /** Settings that are not the default. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default 1. */
  readonly workers?: number;
  readonly webhooks?: Partial<WebhookOptions>;
}

export class BenchFleet implements AsyncDisposable {
  readonly client: RunfleetClient;
  readonly webhookUrl: string;
  readonly simulator: Simulator;
  /** When the webhook of each run at the provider came, wall clock. */
  readonly cameAtMs = new Map<string, number>();
  private readonly env: Record<string, string>;
  private readonly api: FleetProcesses;
  /** Each by itself, so that one can be killed. */
  private readonly workers: FleetProcesses[] = [];
  private readonly relay: Server;

  private constructor(simulator: Simulator, env: Record<string, string>, api: FleetProcesses) {
    this.simulator = simulator;
    this.env = env;
    this.api = api;
    this.client = new RunfleetClient({ baseUrl: api.apiUrl });
    this.webhookUrl = `${api.apiUrl}/v1/webhooks/openai`;
    this.relay = createServer((request, response) => void this.pass(request, response));
  }

  static async start({ redisPort, env, workers = 1, webhooks }: BenchFleetOptions): Promise<BenchFleet> {
    const simulator = await startSimulator({
      queueDurations: { type: 'fixed', ms: 0 },
      latencyMs: { type: 'fixed', ms: latencyMs },
    });
    const all = {
      REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      RUNFLEET_PREFIX: `{bench-${randomUUID()}}`,
      OPENAI_API_KEY: 'sk-bench',
      OPENAI_BASE_URL: simulator.baseUrl,
      OPENAI_WEBHOOK_SECRET: secret,
      ...env,
    };
    const fleet = new BenchFleet(simulator, all, await FleetProcesses.start(['api'], all));
    await Promise.all(Array.from({ length: workers }, () => fleet.addWorker()));
    fleet.relay.listen(0, '127.0.0.1');
    await once(fleet.relay, 'listening');
    const address = fleet.relay.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    simulator.configure({ webhooks: { url: `http://127.0.0.1:${port}/`, secret, ...webhooks } });
    return fleet;
  }

  async addWorker(): Promise<void> {
    this.workers.push(await FleetProcesses.start(['runs'], this.env));
  }

  /** The one that is up for longest, in the midst of whatever it does. */
  async killWorker(): Promise<void> {
    await this.workers.shift()?.[Symbol.asyncDispose]();
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
    await answer.body?.cancel();
    response.writeHead(answer.status).end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.api, ...this.workers].map((one) => one[Symbol.asyncDispose]()));
    this.relay.closeAllConnections();
    this.relay.close();
    await this.simulator.close();
  }
}

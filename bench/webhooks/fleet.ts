/** One API process, one worker, the simulator here, and a relay that notes when each webhook came. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { RunfleetClient } from '../../src/client/index.ts';
import { processEnvironment } from '../../src/config/index.ts';
import { type Simulator, startSimulator } from '../../src/simulator/index.ts';

export const secret = `whsec_${Buffer.from('the secret of the benchmark, 32b').toString('base64')}`;
/** Of every answer of the provider. */
export const latencyMs = 40;

const bin = fileURLToPath(new URL('../../bin/runfleet.js', import.meta.url));

export class BenchFleet implements AsyncDisposable {
  readonly client: RunfleetClient;
  readonly webhookUrl: string;
  readonly simulator: Simulator;
  /** When the webhook of each run at the provider came, wall clock. */
  readonly cameAtMs = new Map<string, number>();
  private readonly processes: readonly ChildProcess[];
  private readonly relay: Server;

  private constructor(simulator: Simulator, processes: readonly ChildProcess[], apiUrl: string) {
    this.simulator = simulator;
    this.processes = processes;
    this.client = new RunfleetClient({ baseUrl: apiUrl });
    this.webhookUrl = `${apiUrl}/v1/webhooks/openai`;
    this.relay = createServer((request, response) => void this.pass(request, response));
  }

  static async start(redisPort: number): Promise<BenchFleet> {
    const simulator = await startSimulator({
      queueDurations: { type: 'fixed', ms: 0 },
      latencyMs: { type: 'fixed', ms: latencyMs },
    });
    const env = {
      PATH: processEnvironment()['PATH'],
      REDIS_URL: `redis://127.0.0.1:${redisPort}`,
      OPENAI_API_KEY: 'sk-bench',
      OPENAI_BASE_URL: simulator.baseUrl,
      OPENAI_WEBHOOK_SECRET: secret,
      RUNFLEET_PORT: '0',
      RUNFLEET_LOG_LEVEL: 'error',
      // Looks by themselves would only blur what webhooks do.
      RUNFLEET_POLL_POLICY: 'backoff',
      RUNFLEET_BACKOFF_INITIAL_MS: '60000',
      RUNFLEET_BACKOFF_MAX_MS: '60000',
    };
    const processes = ['api', 'runs'].map((role) =>
      spawn(process.execPath, [bin, role], { env, stdio: ['ignore', 'pipe', 'inherit'] }),
    );
    const [apiUrl = ''] = await Promise.all(processes.map(ready));
    const fleet = new BenchFleet(simulator, processes, apiUrl);
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
    for (const child of this.processes) child.kill('SIGKILL');
    this.relay.closeAllConnections();
    this.relay.close();
    await this.simulator.close();
  }
}

/** Resolves with the URL of its API, or with none, once it works. */
async function ready(child: ChildProcess): Promise<string> {
  let url = '';
  if (child.stdout === null) throw new Error('The process has no output.');
  for await (const line of createInterface(child.stdout)) {
    url = /^API: (\S+)/.exec(line)?.[1] ?? url;
    if (line.endsWith(': ready')) {
      child.stdout.resume();
      return url;
    }
  }
  throw new Error('A process of the benchmark ended before it was ready.');
}

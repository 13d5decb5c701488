/** A provider of background responses that keeps the time of every arrival, and refuses what is over its limit. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export interface Arrival {
  readonly atMs: number;
  readonly worker: string;
}

export interface CountingServerOptions {
  /** Calls in any 60 s. */
  readonly limit: number;
  /** How long a run takes at the provider: anything between the two. */
  readonly runMs: readonly [least: number, most: number];
}

export const windowMs = 60_000;
const latencyMs = 20;

export class CountingServer implements AsyncDisposable {
  /** Refused ones too. */
  readonly arrivals: Arrival[] = [];
  throttled = 0;
  ended = 0;
  private readonly options: CountingServerOptions;
  private readonly endsAtMs = new Map<string, number>();
  private readonly server: Server;
  /** The first arrival that is still in the window. */
  private first = 0;

  private constructor(options: CountingServerOptions) {
    this.options = options;
    this.server = createServer((request, response) => this.handle(request, response));
    this.server.keepAliveTimeout = windowMs;
  }

  static async start(options: CountingServerOptions): Promise<CountingServer> {
    const counting = new CountingServer(options);
    counting.server.listen(0, '127.0.0.1');
    await once(counting.server, 'listening');
    return counting;
  }

  get baseUrl(): string {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('The server does not listen.');
    return `http://127.0.0.1:${address.port}/v1`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private handle(request: IncomingMessage, response: ServerResponse): void {
    const atMs = performance.now();
    request.resume();
    this.arrivals.push({ atMs, worker: String(request.headers['openai-project']) });
    while ((this.arrivals[this.first]?.atMs ?? 0) <= atMs - windowMs) this.first++;
    const isOver = this.arrivals.length - this.first > this.options.limit;
    if (isOver) this.throttled++;
    const body = isOver
      ? { error: { message: 'Rate limit reached', code: 'rate_limit' } }
      : this.answer(request);
    setTimeout(() => {
      response.writeHead(isOver ? 429 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    }, latencyMs);
  }

  private answer(request: IncomingMessage): unknown {
    const nowMs = Date.now();
    if (request.method === 'POST') {
      const [least, most] = this.options.runMs;
      const id = `resp_${this.endsAtMs.size}`;
      this.endsAtMs.set(id, nowMs + least + (most - least) * Math.random());
      return responseOf(id, 'queued', null);
    }
    const id = (request.url ?? '').split('/').at(-1)?.split('?')[0] ?? '';
    const endsAtMs = this.endsAtMs.get(id) ?? 0;
    if (endsAtMs > nowMs) return responseOf(id, 'in_progress', null);
    this.ended++;
    return responseOf(id, 'completed', Math.floor(endsAtMs / 1000));
  }
}

function responseOf(id: string, status: string, completedAt: number | null): unknown {
  const created_at = Math.floor(Date.now() / 1000);
  return { id, object: 'response', status, created_at, completed_at: completedAt, output: [] };
}

/** A provider that keeps the time of every arrival, and refuses what is over its limit. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export interface Arrival {
  readonly atMs: number;
  /** The header `openai-project`, which the SDK sends with each call: it tells workers apart. */
  readonly worker: string;
  readonly path: string;
}

export interface ArrivalServerOptions {
  /** Calls in any window. */
  readonly limit: number;
  readonly windowMs: number;
  /** How long each call takes. */
  readonly latencyMs: number;
  /** The body of what is not refused; default `{}`. */
  readonly answer?: (request: IncomingMessage) => unknown;
}

export class ArrivalServer implements AsyncDisposable {
  /** Refused ones too. */
  readonly arrivals: Arrival[] = [];
  throttled = 0;
  private readonly options: ArrivalServerOptions;
  private readonly server: Server;
  /** The first arrival that is still in the window. */
  private first = 0;

  private constructor(options: ArrivalServerOptions) {
    this.options = options;
    this.server = createServer((request, response) => this.handle(request, response));
    this.server.keepAliveTimeout = 60_000;
  }

  static async start(options: ArrivalServerOptions): Promise<ArrivalServer> {
    const started = new ArrivalServer(options);
    started.server.listen(0, '127.0.0.1');
    await once(started.server, 'listening');
    return started;
  }

  /** Without a slash at its end. */
  get url(): string {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('The server does not listen.');
    return `http://127.0.0.1:${address.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private handle(request: IncomingMessage, response: ServerResponse): void {
    const { limit, windowMs, latencyMs, answer } = this.options;
    const atMs = performance.now();
    request.resume();
    this.arrivals.push({
      atMs,
      worker: String(request.headers['openai-project']),
      path: request.url ?? '',
    });
    while ((this.arrivals[this.first]?.atMs ?? 0) <= atMs - windowMs) this.first++;
    const isOver = this.arrivals.length - this.first > limit;
    if (isOver) this.throttled++;
    const body = isOver
      ? { error: { message: 'Rate limit reached', code: 'rate_limit' } }
      : (answer?.(request) ?? {});
    setTimeout(() => {
      response.writeHead(isOver ? 429 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    }, latencyMs);
  }
}

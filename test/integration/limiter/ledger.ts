import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export interface Arrival {
  readonly atMs: number;
  readonly worker: string;
  readonly callClass: string;
}

/** A provider that keeps the time of each arrival, and refuses what is over its limit. */
export class LedgerServer implements AsyncDisposable {
  readonly arrivals: Arrival[] = [];
  throttled = 0;
  limit: number;
  /** How long each call takes. */
  latencyMs = 5;
  private readonly windowMs: number;
  private readonly server: Server;

  private constructor(limit: number, windowMs: number) {
    this.limit = limit;
    this.windowMs = windowMs;
    this.server = createServer((request, response) => this.handle(request, response));
    this.server.keepAliveTimeout = 60_000;
  }

  static async start(limit: number, windowMs: number): Promise<LedgerServer> {
    const ledger = new LedgerServer(limit, windowMs);
    ledger.server.listen(0, '127.0.0.1');
    await once(ledger.server, 'listening');
    return ledger;
  }

  get url(): string {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('The ledger does not listen.');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Arrivals after `atMs`. */
  countSince(atMs: number): number {
    let count = 0;
    for (let i = this.arrivals.length - 1; i >= 0 && (this.arrivals[i]?.atMs ?? 0) > atMs; i--) count++;
    return count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private handle(request: IncomingMessage, response: ServerResponse): void {
    const atMs = performance.now();
    request.resume();
    const [, worker = '', callClass = ''] = (request.url ?? '').split('/');
    const isOver = this.countSince(atMs - this.windowMs) >= this.limit;
    if (isOver) this.throttled++;
    else this.arrivals.push({ atMs, worker, callClass });
    setTimeout(() => {
      response.statusCode = isOver ? 429 : 200;
      response.end();
    }, this.latencyMs);
  }
}

/** The most arrivals in any window. The busiest one ends at an arrival. */
export function worstWindow(times: readonly number[], windowMs: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  let first = 0;
  let worst = 0;
  for (const [last, at] of sorted.entries()) {
    while ((sorted[first] ?? 0) <= at - windowMs) first++;
    worst = Math.max(worst, last - first + 1);
  }
  return worst;
}

/** 1 when all have the same, 1/n when one has it all. */
export function jain(counts: readonly number[]): number {
  const sum = counts.reduce((a, b) => a + b, 0);
  const squares = counts.reduce((a, b) => a + b * b, 0);
  return squares === 0 ? 1 : (sum * sum) / (counts.length * squares);
}

/** A provider of background responses that costs next to nothing: it answers at once and keeps one number a run. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export class StubProvider implements AsyncDisposable {
  created = 0;
  looks = 0;
  ended = 0;
  private readonly runMs: number;
  private readonly startedAtMs: number[] = [];
  private readonly server: Server;

  private constructor(runMs: number) {
    this.runMs = runMs;
    this.server = createServer((request, response) => this.handle(request, response));
  }

  /** `runMs`: how long each run takes. */
  static async start(runMs: number): Promise<StubProvider> {
    const stub = new StubProvider(runMs);
    stub.server.listen(0, '127.0.0.1');
    await once(stub.server, 'listening');
    return stub;
  }

  get baseUrl(): string {
    const address = this.server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/v1`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private handle(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(request.method === 'POST' ? this.create() : this.look(request.url ?? '')));
  }

  private create(): unknown {
    this.startedAtMs.push(Date.now());
    this.created += 1;
    return responseOf(`resp_${this.created - 1}`, 'queued', null);
  }

  private look(url: string): unknown {
    this.looks += 1;
    const id = url.split('/').at(-1)?.split('?')[0] ?? '';
    const endsAtMs = (this.startedAtMs[Number(id.slice('resp_'.length))] ?? 0) + this.runMs;
    if (endsAtMs > Date.now()) return responseOf(id, 'in_progress', null);
    this.ended += 1;
    return responseOf(id, 'completed', Math.floor(endsAtMs / 1000));
  }
}

function responseOf(id: string, status: string, completedAt: number | null): unknown {
  const created_at = Math.floor(Date.now() / 1000);
  return { id, object: 'response', status, created_at, completed_at: completedAt, output: [] };
}

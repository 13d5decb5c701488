/** A server that answers as it is told, one reply a request, and keeps what it was sent. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RunView, Timing } from '../../../src/client/index.ts';

export interface Received {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

export type Reply =
  | {
      readonly status?: number;
      readonly json?: unknown;
      readonly text?: string;
      readonly headers?: Record<string, string>;
    }
  /** Cuts the connection without an answer. */
  | 'reset'
  /** Never answers. */
  | 'hang'
  | ((request: Received) => Reply);

export class Stub implements AsyncDisposable {
  readonly requests: Received[] = [];
  url = '';
  private readonly script: Reply[];
  private readonly server = createServer((request, response) => void this.serve(request, response));
  private waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  private constructor(script: readonly Reply[]) {
    this.script = [...script];
  }

  static async start(...script: readonly Reply[]): Promise<Stub> {
    const stub = new Stub(script);
    stub.server.listen(0, '127.0.0.1');
    await once(stub.server, 'listening');
    const address = stub.server.address();
    if (address === null || typeof address === 'string') throw new Error('The stub has no port.');
    stub.url = `http://127.0.0.1:${address.port}`;
    return stub;
  }

  /** Resolves once so many requests have come. */
  received(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push({ count, resolve });
      this.ring();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    if (this.server.listening) await once(this.server, 'close');
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
    const { method = '', url: path = '', headers } = request;
    const received = { method, path, headers, text };
    this.requests.push(received);
    let reply: Reply = this.script.shift() ?? { status: 500, text: 'The script of the stub is at its end.' };
    while (typeof reply === 'function') reply = reply(received);
    this.ring();
    if (reply === 'hang') return;
    if (reply === 'reset') {
      request.socket.destroy();
      return;
    }
    const body = reply.text ?? JSON.stringify(reply.json ?? {});
    const contentType = reply.text === undefined ? 'application/json' : 'text/html';
    response.writeHead(reply.status ?? 200, { 'content-type': contentType, ...reply.headers });
    response.end(body);
  }

  private ring(): void {
    const due = this.waiting.filter(({ count }) => this.requests.length >= count);
    this.waiting = this.waiting.filter(({ count }) => this.requests.length < count);
    for (const { resolve } of due) resolve();
  }
}

/** Time that passes only in sleeps. */
export class FakeTiming implements Timing {
  readonly sleeps: number[] = [];
  private now = 0;
  private readonly onSleep: (ms: number) => void;

  constructor(onSleep: (ms: number) => void = () => undefined) {
    this.onSleep = onSleep;
  }

  nowMs = (): number => this.now;
  /** The longest delays that jitter can give. */
  random = (): number => 1;

  sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    this.sleeps.push(ms);
    this.pass(ms);
    this.onSleep(ms);
    signal?.throwIfAborted();
    await Promise.resolve();
  };

  pass(ms: number): void {
    this.now += ms;
  }
}

export function aRun(fields: Partial<RunView> = {}): RunView {
  return {
    id: 'run_1',
    object: 'runfleet.run',
    kind: 'responses',
    status: 'in_progress',
    provider_run_id: 'resp_1',
    thread_id: null,
    account: null,
    output_text: null,
    output: [],
    usage: null,
    error: null,
    required_action: null,
    tool_rounds: [],
    provider_run_ids: [],
    calls: { create: 1, retrieve: 2, submit: 0, cancel: 0, list: 0, total: 3 },
    accepted_at: '2026-11-20T04:00:00.000Z',
    created_at: '2026-11-20T04:00:00.100Z',
    completed_at: null,
    detected_at: null,
    detection_delay_ms: null,
    found_by: null,
    next_look_at: '2026-11-20T04:00:02.000Z',
    looks: [],
    label: null,
    lane: null,
    redriven_as: null,
    metadata: {},
    ...fields,
  };
}

export function ended(fields: Partial<RunView> = {}): RunView {
  return aRun({
    status: 'completed',
    completed_at: '2026-11-20T04:00:04.000Z',
    detected_at: '2026-11-20T04:00:04.420Z',
    detection_delay_ms: 420,
    found_by: 'poll',
    next_look_at: null,
    output_text: 'Because of Rayleigh.',
    usage: { input_tokens: 12, output_tokens: 40, total_tokens: 52 },
    ...fields,
  });
}

export function aProblem(status: number, fields: Record<string, unknown> = {}): Reply {
  return {
    status,
    json: { type: '/docs#problem', title: `Problem ${status}.`, status, ...fields },
    headers: { 'content-type': 'application/problem+json', 'x-request-id': 'req-7' },
  };
}

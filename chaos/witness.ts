/** What is told to the outside: callbacks and the deeds of tools, received in a process that no fault reaches. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import * as z from 'zod';
import type { RunView } from '../src/client/index.ts';
import { Draw } from './draw.ts';

type Answer = 204 | 500 | typeof dropped;

export interface Delivery {
  /** Its `webhook-id`. */
  readonly id: string;
  readonly runId: string;
  readonly type: string;
  readonly run: RunView;
  readonly atMs: number;
  readonly answer: Answer;
}

/** One execution of one tool call. */
export interface Effect {
  readonly execution: string;
  readonly runId: string;
  readonly toolCallId: string;
  readonly pid: number;
  readonly startedAtMs: number;
  finishedAtMs: number | null;
}

const told = z.object({
  what: z.enum(['started', 'finished']),
  execution: z.string(),
  runId: z.string(),
  toolCallId: z.string(),
  pid: z.number(),
});

/** Taken, but its sender never hears of it. */
const dropped = 499;

export class Witness implements AsyncDisposable {
  readonly deliveries: Delivery[] = [];
  readonly effects = new Map<string, Effect>();
  /** Callbacks whose signature is not the fleet's, and other things that should not come. */
  readonly oddities: string[] = [];
  private readonly verifier: Webhook;
  private readonly server: Server;
  private readonly draw: Draw;
  private readonly troubled = new Set<string>();

  private constructor(secret: string, seed: number) {
    this.verifier = new Webhook(secret);
    this.draw = Draw.from(seed, 'witness');
    this.server = createServer((request, response) => {
      this.take(request, response).catch((error: unknown) => {
        this.oddities.push(String(error));
        response.writeHead(400).end();
      });
    });
  }

  static async start(secret: string, seed: number): Promise<Witness> {
    const witness = new Witness(secret, seed);
    witness.server.listen(0, '127.0.0.1');
    await once(witness.server, 'listening');
    return witness;
  }

  get url(): string {
    const address = this.server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    if (request.url === '/effects') this.note(body);
    else response.statusCode = this.receive(request, body);
    if (response.statusCode === dropped) request.socket.destroy();
    else response.end();
  }

  private note(body: string): void {
    const { what, ...effect } = told.parse(JSON.parse(body));
    const before = this.effects.get(effect.execution);
    if (what === 'finished' && before !== undefined) before.finishedAtMs = Date.now();
    else this.effects.set(effect.execution, { ...effect, startedAtMs: Date.now(), finishedAtMs: null });
  }

  private receive(request: IncomingMessage, body: string): Answer {
    const header = (name: string): string => String(request.headers[name] ?? '');
    const id = header('webhook-id');
    const { type, data }: { type: string; data: RunView } = JSON.parse(body);
    try {
      this.verifier.verify(body, {
        'webhook-id': id,
        'webhook-timestamp': header('webhook-timestamp'),
        'webhook-signature': header('webhook-signature'),
      });
    } catch (error) {
      this.oddities.push(`A callback of run ${data.id} is not signed as it should be: ${String(error)}`);
    }
    const answer = this.answerTo(id);
    this.deliveries.push({ id, runId: data.id, type, run: data, atMs: Date.now(), answer });
    return answer;
  }

  /** In trouble once at most: the second wait of a callback is minutes. */
  private answerTo(id: string): Answer {
    if (this.troubled.has(id) || !this.draw.chance(0.15)) return 204;
    this.troubled.add(id);
    return this.draw.chance(0.5) ? 500 : dropped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

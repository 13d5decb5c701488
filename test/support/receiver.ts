/** Somebody's endpoint for callbacks: keeps what comes, and answers as it is told to. */

import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';

export interface Received {
  /** As the library of Standard Webhooks takes them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  readonly body: string;
}

/** What a fleet needs to call receivers of this machine. */
export const callbackEnv = {
  RUNFLEET_CALLBACK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  RUNFLEET_CALLBACK_ALLOW: '127.0.0.1',
} as const;

export class Receiver {
  readonly received: Received[] = [];
  /** Calls that have not been answered. */
  waiting = 0;
  answer: (response: ServerResponse, received: Received) => void = (response) =>
    response.writeHead(204).end();
  private readonly server: Server;

  private constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      this.waiting += 1;
      response.on('close', () => (this.waiting -= 1));
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const headers = Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
        );
        const received = { headers, path: request.url ?? '', body: Buffer.concat(chunks).toString() };
        this.received.push(received);
        this.answer(response, received);
      });
    });
  }

  /** Closed when the test is finished. */
  static async start(
    owner: { onTestFinished: typeof onTestFinished } = { onTestFinished },
  ): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.server.listen(0, '127.0.0.1');
    await once(receiver.server, 'listening');
    owner.onTestFinished(async () => {
      receiver.server.closeAllConnections();
      receiver.server.close();
      await once(receiver.server, 'close');
    });
    return receiver;
  }

  get port(): number {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('No port.');
    return address.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook?token=secret`;
  }
}

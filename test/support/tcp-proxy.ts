/** A wire that can be cut, on the way to a server that stays as it is. */

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class TcpProxy implements AsyncDisposable {
  private readonly targetPort: number;
  private readonly sockets = new Set<Socket>();
  private server: Server | null = null;
  private listening = 0;
  /** What is sent on arrives so much later. */
  lagMs = 0;
  /** And so much later what is sent back. */
  backLagMs = 0;
  /** Up to so much more, each way, where there is a lag at all. */
  jitterMs = 0;

  private constructor(targetPort: number) {
    this.targetPort = targetPort;
  }

  static async to(targetPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort);
    await proxy.restore();
    return proxy;
  }

  get port(): number {
    return this.listening;
  }

  get redisUrl(): string {
    return `redis://127.0.0.1:${this.listening}`;
  }

  /** Breaks every connection, and refuses new ones until `restore`. */
  async cut(): Promise<void> {
    const { server } = this;
    if (server === null) return;
    this.server = null;
    server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(server, 'close');
  }

  async restore(): Promise<void> {
    const server = createServer((near) => this.join(near));
    server.listen(this.listening, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('No port.');
    this.listening = address.port;
    this.server = server;
  }

  private join(near: Socket): void {
    const far = connect(this.targetPort, '127.0.0.1');
    const both = [near, far];
    for (const socket of both) {
      this.sockets.add(socket);
      // A reset is what the wire is for; `close` follows.
      socket.on('error', () => {});
      socket.on('close', () => {
        this.sockets.delete(socket);
        for (const each of both) each.destroy();
      });
    }
    this.carry(near, far, () => this.lagMs);
    this.carry(far, near, () => this.backLagMs);
  }

  /** In order, also when the lag ends while something is under way. */
  private carry(from: Socket, to: Socket, lagMs: () => number): void {
    const underWay: Buffer[] = [];
    const arrive = (): void => {
      const bytes = underWay.shift();
      if (bytes !== undefined && !to.destroyed) to.write(bytes);
    };
    from.on('data', (bytes: Buffer) => {
      underWay.push(bytes);
      const lag = lagMs();
      if (lag === 0 && underWay.length === 1) arrive();
      else setTimeout(arrive, lag + Math.random() * this.jitterMs);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
  }
}

import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** Every command that a Redis is sent, a line each. On a plain socket: `ioredis` takes such a line for its own answer. */
export class RedisMonitor implements Disposable {
  private readonly socket: Socket;

  private constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Resolves when nothing is missed any more. */
  static async open(port: number, onLine: (line: string) => void): Promise<RedisMonitor> {
    const socket = connect(port, '127.0.0.1');
    const ready = Promise.withResolvers<void>();
    socket.on('connect', () => socket.write('MONITOR\r\n'));
    socket.on('error', ready.reject);
    createInterface({ input: socket }).on('line', (line) => {
      if (line === '+OK') ready.resolve();
      else onLine(line);
    });
    await ready.promise;
    return new RedisMonitor(socket);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

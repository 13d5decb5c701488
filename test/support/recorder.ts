/** Stands between the workers and the simulator, and notes when each call comes and how it is answered. */

import { Agent, createServer, request } from 'node:http';
import { once } from 'node:events';

export interface RecordedCall {
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  /** Null while it is out, and when the connection was broken. */
  status: number | null;
}

export interface Recorder extends AsyncDisposable {
  readonly baseUrl: string;
  readonly calls: readonly RecordedCall[];
}

export async function recorder(targetBaseUrl: string): Promise<Recorder> {
  const target = new URL(targetBaseUrl);
  const calls: RecordedCall[] = [];
  const agent = new Agent({ keepAlive: true });
  const server = createServer((near, answer) => {
    const { method = '', url: path = '', headers } = near;
    const call: RecordedCall = { atMs: Date.now(), method, path, status: null };
    calls.push(call);
    const far = request(
      { host: target.hostname, port: target.port, agent, method, path, headers },
      (reply) => {
        call.status = reply.statusCode ?? null;
        answer.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(answer);
      },
    );
    far.on('error', () => near.socket.destroy());
    near.pipe(far);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port.');
  return {
    baseUrl: `http://127.0.0.1:${address.port}${target.pathname}`,
    calls,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

import { once } from 'node:events';
import type { Server } from 'node:http';
import { StartError } from './start-error.ts';

/** Resolves with the server's URL once it listens. `variable`: what to change when the port is taken. */
export async function listen(server: Server, host: string, port: number, variable: string): Promise<string> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new StartError(
      `Cannot listen on ${host}, port ${port} (${reason}). Set ${variable} to another port.`,
      {
        cause: error,
      },
    );
  }
  const address = server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${actual}`;
}

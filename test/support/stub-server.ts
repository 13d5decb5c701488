/** A server that says what it is told to: for answers that the simulator, being honest, does not give. */

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';

export interface StubServer extends AsyncDisposable {
  /** For the SDK's `baseURL`. */
  readonly baseUrl: string;
}

export async function stubServer(listener: RequestListener): Promise<StubServer> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port.');
  return {
    baseUrl: `http://127.0.0.1:${address.port}/v1`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Answers everything alike. */
export function answering(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): RequestListener {
  return (request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(status, headers).end(body));
  };
}

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import type { SimulatorControls } from '../simulator.ts';
import type { World } from '../world.ts';
import { serveAdmin } from './admin.ts';
import { serveApi } from './api.ts';
import { ClientGone } from './body.ts';

export interface RunningServer {
  port: number;
  close(): Promise<void>;
}

/** Longer than any client keeps an idle connection, so that it is always the client who closes it. */
const KEEP_ALIVE_MS = 120_000;

/** The longest that Node's timers can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export async function listen(world: World, controls: SimulatorControls): Promise<RunningServer> {
  const timers = new Set<NodeJS.Timeout>();
  const later = (delayMs: number, run: () => void): void => {
    // What never ends gets no timer; its connection is closed with the server.
    if (delayMs > LONGEST_TIMER_MS) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, delayMs);
    timers.add(timer);
  };
  const serve = (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://simulator');
    const exchange = { world, request, response, url, later };
    return url.pathname.startsWith('/_sim/') ? serveAdmin(exchange, controls) : serveApi(exchange);
  };
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (error instanceof ClientGone) return;
      answerDefect(response, error);
    });
  });
  await start(server, world);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The simulator has no TCP address.');
  return {
    port: address.port,
    async close() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A defect of the simulator itself: said so loudly that no test takes it for an answer of the API. */
function answerDefect(response: ServerResponse, error: unknown): void {
  const message = `The simulator is at fault: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: { message, type: 'simulator_defect', param: null, code: null } }));
}

async function start(server: Server, world: World): Promise<void> {
  server.listen(world.options.port, world.options.host);
  await once(server, 'listening');
}

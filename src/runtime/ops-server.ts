import { once } from 'node:events';
import { createServer } from 'node:http';
import { listen } from './listen.ts';
import type { MetricsPage, Readiness } from '../http/deps.ts';

export interface OpsServerDeps {
  readonly host: string;
  readonly port: number;
  readonly metrics: () => Promise<MetricsPage>;
  readonly readiness: () => Promise<Readiness>;
}

/** What a worker offers to Prometheus and to whoever watches over it. No secrets, so no keys. */
export async function startOpsServer(deps: OpsServerDeps): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const reply = (status: number, contentType: string, body: string): void => {
      response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' }).end(body);
    };
    answer(deps, request.url ?? '/').then(
      ({ status, contentType, body }) => reply(status, contentType, body),
      () => reply(500, 'text/plain', 'The page could not be made.\n'),
    );
  });
  return {
    url: await listen(server, deps.host, deps.port, 'RUNFLEET_METRICS_PORT'),
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function answer(deps: OpsServerDeps, url: string): Promise<MetricsPage & { readonly status: number }> {
  switch (new URL(url, 'http://localhost').pathname) {
    case '/metrics':
      return { status: 200, ...(await deps.metrics()) };
    case '/healthz':
      return { status: 200, contentType: 'application/json', body: '{"ok":true}' };
    case '/readyz': {
      const readiness = await deps.readiness();
      return {
        status: readiness.ok ? 200 : 503,
        contentType: 'application/json',
        body: JSON.stringify(readiness),
      };
    }
    default:
      return { status: 404, contentType: 'text/plain', body: 'Here are /metrics, /healthz and /readyz.\n' };
  }
}

import { once } from 'node:events';
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import type { TestApp } from './test-app.ts';

export interface RawAnswer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** For what `fetch` will not send: other hosts, odd paths and headers, bytes that are no text. */
export async function raw(
  app: TestApp,
  options: {
    readonly method?: string;
    readonly path: string;
    readonly headers?: OutgoingHttpHeaders;
    readonly body?: Uint8Array | string;
  },
): Promise<RawAnswer> {
  const { hostname, port } = new URL(app.url);
  const { body, ...rest } = options;
  const sent = request({ hostname, port, agent: false, ...rest });
  sent.end(body);
  const [answer] = await once(sent, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  return { status: answer.statusCode, headers: answer.headers, text: Buffer.concat(chunks).toString() };
}

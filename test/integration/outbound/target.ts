/** A server that counts who connects, on every address of this machine, and what calls it. */

import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { parseAllowList } from '../../../src/adapters/outbound-sdk/allow-list.ts';
import {
  createGuardedPost,
  type GuardedPost,
  type GuardedPostOptions,
  type PostAsk,
} from '../../../src/adapters/outbound-sdk/guarded-post.ts';
import { selfSigned } from '../../support/self-signed.ts';

const opened: { close(): unknown }[] = [];

/** Closes every server and every client. */
export async function closeAll(): Promise<void> {
  for (const each of opened.splice(0)) await each.close();
}

interface Target {
  readonly port: number;
  readonly connections: () => number;
  readonly requests: { readonly url: string; readonly body: string; readonly host: string }[];
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export const ok: Answer = (_request, response) => response.end('ok');

export async function target(answer: Answer = ok, tls = false): Promise<Target> {
  const requests: Target['requests'] = [];
  const handler = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      requests.push({ url: request.url ?? '', body, host: request.headers.host ?? '' });
      answer(request, response);
    });
  };
  const server = tls ? createHttpsServer(selfSigned, handler) : createHttpServer(handler);
  let connections = 0;
  server.on('connection', () => (connections += 1));
  const { port } = await listening(server);
  opened.push({
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
  return { port, connections: () => connections, requests };
}

/** On all addresses; a machine without IPv6 has fewer. */
async function listening(server: Server): Promise<AddressInfo> {
  server.listen(0, '::');
  try {
    await once(server, 'listening');
  } catch {
    server.listen(0, '0.0.0.0');
    await once(server, 'listening');
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port.');
  return address;
}

export function guarded(
  allow: readonly string[] = [],
  options: Partial<GuardedPostOptions> = {},
): GuardedPost {
  const post = createGuardedPost({ allow: parseAllowList(allow), ...options });
  opened.push(post);
  return post;
}

export const ask = (url: string, more: Partial<PostAsk> = {}): PostAsk => ({
  url,
  body: '{"some":"thing"}',
  headers: { 'content-type': 'application/json' },
  timeoutMs: 15_000,
  maxAnswerBytes: 100,
  ...more,
});

const address = (text: string): LookupAddress => ({ address: text, family: text.includes(':') ? 6 : 4 });

/** A resolver that gives each answer once, and the last one for ever. */
export function resolver(
  ...answers: readonly (readonly string[])[]
): NonNullable<GuardedPostOptions['resolve']> {
  const left = [...answers];
  return async () => ((left.length > 1 ? left.shift() : left[0]) ?? []).map((text) => address(text));
}

import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HeldAnswer, heldFetch } from '../../../../src/adapters/openai-sdk/held-fetch.ts';

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`;
}

const held = heldFetch(1000);

describe('a fetch whose answers are held open', () => {
  it('sends method, headers and body, and gives the answer before its end', async () => {
    const asked: { headers?: IncomingMessage['headers']; method?: string | undefined; body?: string } = {};
    const answerLater = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const { method, headers } = request;
      Object.assign(asked, { method, headers, body: await text(request) });
      response.writeHead(200, { 'x-request-id': 'r1' }).write('data: 1\n\n');
    };
    const url = await serve((request, response) => void answerLater(request, response));
    const answer = await held(url, {
      method: 'POST',
      headers: { authorization: 'Bearer x', 'content-type': 'application/json' },
      body: '{"a":"é"}',
    });
    expect(answer).toBeInstanceOf(HeldAnswer);
    expect([answer.status, answer.headers.get('x-request-id')]).toEqual([200, 'r1']);
    expect(asked).toMatchObject({
      method: 'POST',
      body: '{"a":"é"}',
      headers: { authorization: 'Bearer x', 'content-length': '10', connection: 'close' },
    });
    if (!(answer instanceof HeldAnswer)) return;
    const [first] = await once(answer.incoming.setEncoding('utf8'), 'data');
    expect(first).toBe('data: 1\n\n');
    answer.incoming.destroy();
  });

  it('reads an answer that is not good, as far as it may', async () => {
    const url = await serve((request, response) => {
      response.writeHead(429, { 'retry-after': '7' }).end('x'.repeat(request.url === '/long' ? 2000 : 10));
    });
    const answer = await held(url);
    expect([answer.status, answer.headers.get('retry-after'), await answer.text()]).toEqual([
      429,
      '7',
      'x'.repeat(10),
    ]);
    await expect(held(`${url}long`)).rejects.toThrow('larger than 1000 bytes');
  });

  it('follows no redirect', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end();
    });
    await expect(held(url)).resolves.toMatchObject({ status: 307 });
  });

  it('says why there was no answer', async () => {
    await expect(held('http://127.0.0.1:1/')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const url = await serve((request) => void request.socket.destroy());
    await expect(held(url)).rejects.toMatchObject({ code: 'ECONNRESET' });
    const silent = await serve(() => {});
    await expect(held(silent, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    const asking = new AbortController();
    const answer = held(silent, { signal: asking.signal });
    asking.abort();
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
  });
});

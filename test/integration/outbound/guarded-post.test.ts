/** What becomes of a call to a URL that somebody else chose: every answer, and every way to get none. */

import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { ask, closeAll, guarded, ok, target } from './target.ts';

afterEach(closeAll);

const here = (port: number): string => `http://127.0.0.1:${port}/`;

describe('the answer', () => {
  const local = ['127.0.0.1'];

  it('is kept up to its limit', async () => {
    const { port } = await target((_request, response) => response.end('x'.repeat(1_000_000)));
    const outbound = guarded(local);
    const result = await outbound.post(ask(here(port), { maxAnswerBytes: 10 }));
    expect(result).toMatchObject({ body: Buffer.from('xxxxxxxxxx'), truncated: true });
  });

  it('says when to come back', async () => {
    const { port } = await target((_request, response) =>
      response.writeHead(429, { 'retry-after': '7' }).end(),
    );
    expect(await guarded(local).post(ask(here(port)))).toMatchObject({ status: 429, retryAfterMs: 7000 });
  });

  it('is its status alone where nothing is kept, even if the body never ends', async () => {
    const { port } = await target((_request, response) => response.writeHead(204 + 1).write('never ending'));
    expect(await guarded(local).post(ask(here(port), { maxAnswerBytes: 0 }))).toMatchObject({ status: 205 });
  });

  it('leaves a connection that is used again', async () => {
    const { port, connections } = await target();
    const outbound = guarded(local);
    for (const maxAnswerBytes of [100, 0, 0, 100]) {
      expect(await outbound.post(ask(here(port), { maxAnswerBytes }))).toMatchObject({ answered: true });
    }
    await eventually(
      'one connection for all',
      () => connections(),
      (seen) => seen <= 2,
    );
  });
});

describe('a failure', () => {
  const local = ['127.0.0.1', 'localhost'];

  it('is a timeout when nothing comes, and when the body does not end', async () => {
    const silent = await target(() => {});
    const endless = await target((_request, response) => response.writeHead(200).write('a'));
    const outbound = guarded(local);
    for (const { port } of [silent, endless]) {
      const result = await outbound.post(ask(`http://127.0.0.1:${port}/`, { timeoutMs: 50 }));
      expect(result).toMatchObject({ answered: false, reason: 'timeout', sent: true });
    }
  });

  it('is a timeout when the name server does not answer', async () => {
    const outbound = guarded(local, { resolve: async () => await new Promise(() => {}) });
    const result = await outbound.post(ask('http://slow.example/', { timeoutMs: 50 }));
    expect(result).toMatchObject({ reason: 'timeout', sent: false });
  });

  it('is told from a call that was given up, before and during it', async () => {
    const { port, requests } = await target(() => {});
    const outbound = guarded(local);
    const gone = new AbortController();
    gone.abort();
    const url = `http://127.0.0.1:${port}/`;
    expect(await outbound.post(ask(url, { signal: gone.signal }))).toMatchObject({
      reason: 'aborted',
      sent: false,
    });
    const going = new AbortController();
    const result = outbound.post(ask(url, { signal: going.signal }));
    await eventually(
      'the request',
      () => requests.length,
      (seen) => seen === 1,
    );
    going.abort();
    expect(await result).toMatchObject({ reason: 'aborted', sent: true });
  });

  it('says that nothing was sent where nobody listens', async () => {
    const { port } = await target();
    await closeAll();
    const result = await guarded(local).post(ask(`http://127.0.0.1:${port}/`));
    expect(result).toMatchObject({ reason: 'connection', code: 'ECONNREFUSED', sent: false });
  });

  it('says that something was sent where the connection broke', async () => {
    const { port } = await target((request) => request.socket.destroy());
    const result = await guarded(local).post(ask(`http://127.0.0.1:${port}/`));
    expect(result).toMatchObject({ reason: 'connection', sent: true });
  });

  it('is one of the certificate where nobody vouches for it', async () => {
    const { port, requests } = await target(ok, true);
    const result = await guarded(local).post(ask(`https://localhost:${port}/`));
    expect(result).toMatchObject({ reason: 'tls', code: 'DEPTH_ZERO_SELF_SIGNED_CERT', sent: false });
    expect(requests).toEqual([]);
  });

  it('of one host holds no connection of another', async () => {
    const silent = await target(() => {});
    const good = await target();
    const outbound = guarded(local, { maxSocketsPerHost: 2 });
    const stuck = Array.from({ length: 10 }, async () =>
      outbound.post(ask(`http://127.0.0.1:${silent.port}/`, { timeoutMs: 500 })),
    );
    expect(await outbound.post(ask(`http://127.0.0.1:${good.port}/`))).toMatchObject({ status: 200 });
    expect(silent.connections()).toBeLessThanOrEqual(2);
    for (const result of await Promise.all(stuck)) expect(result).toMatchObject({ reason: 'timeout' });
  });
});

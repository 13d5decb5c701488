/** Callers choose the URLs that we call. None of them leads into our own network. */

import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { parseAllowList } from '../../../src/adapters/outbound-sdk/allow-list.ts';
import { BlockedAddressError, guardedAgents } from '../../../src/adapters/outbound-sdk/guarded-agent.ts';
import { spellings } from './spellings.ts';
import { ask, closeAll, guarded, resolver, target } from './target.ts';

afterEach(closeAll);

describe('an address that is not public', () => {
  it('is not connected to, in any spelling', async () => {
    const { port, connections } = await target();
    const outbound = guarded();
    const outcomes: string[] = [];
    for (const spelling of spellings) {
      const result = await outbound.post(ask(spelling.replaceAll('PORT', String(port))));
      outcomes.push(`${spelling}: ${result.answered ? 'answered' : result.reason}`);
    }
    // A name that this machine does not know cannot be resolved: no harm either.
    const refused = /: (?:blocked|invalid_url)$|ip6-localhost.*: connection$/;
    expect(outcomes.filter((outcome) => !refused.test(outcome))).toEqual([]);
    expect(connections()).toBe(0);
  });

  it.each([
    ['127.0.0.1'],
    ['::1'],
    ['::ffff:127.0.0.1'],
    ['10.0.0.7', '169.254.169.254'],
    ['fe80::1%lo'],
    ['not an address'],
    [],
  ])('is not connected to when a name resolves to it: %s %s', async (...addresses) => {
    const { port, connections } = await target();
    const outbound = guarded([], { resolve: resolver(addresses) });
    expect(await outbound.post(ask(`http://rebound.example:${port}/`))).toMatchObject({
      reason: 'blocked',
      sent: false,
    });
    expect(connections()).toBe(0);
  });

  it('is refused by the connection itself, whatever was checked before', async () => {
    const { port, connections } = await target();
    const { http } = guardedAgents({
      allow: parseAllowList([]),
      resolve: resolver([]),
      maxSocketsPerHost: 1,
    });
    const request = httpRequest({ host: '127.0.0.1', port, agent: http }).end();
    const [error]: unknown[] = await once(request, 'error');
    expect(error).toBeInstanceOf(BlockedAddressError);
    expect(connections()).toBe(0);
  });

  it('is passed over where a name has an allowed one too', async () => {
    const { port } = await target();
    const resolve = resolver(['10.255.255.1', '127.0.0.1', '169.254.169.254']);
    const outbound = guarded(['127.0.0.1'], { resolve });
    expect(await outbound.post(ask(`http://mixed.example:${port}/`))).toMatchObject({
      answered: true,
      status: 200,
    });
  });

  it('is not connected to when the name moves there between two calls, nor when it was connected to before', async () => {
    const { port, connections } = await target((_request, response) => {
      response.setHeader('connection', 'close').end('ok');
    });
    const outbound = guarded(['127.0.0.1'], { resolve: resolver(['127.0.0.1'], ['::1']) });
    expect(await outbound.post(ask(`http://moving.example:${port}/`))).toMatchObject({ answered: true });
    expect(await outbound.post(ask(`http://moving.example:${port}/`))).toMatchObject({ reason: 'blocked' });
    expect(connections()).toBe(1);
  });

  it('is not where a redirect leads: its answer is the end', async () => {
    const inner = await target();
    const outer = await target((_request, response) => {
      response.writeHead(307, { location: `http://127.0.0.1:${inner.port}/` }).end();
    });
    const outbound = guarded([`127.0.0.1:${outer.port}`]);
    expect(await outbound.post(ask(`http://127.0.0.1:${outer.port}/`))).toMatchObject({
      answered: true,
      status: 307,
    });
    expect(inner.connections()).toBe(0);
  });

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.0/8', '127.0.0.1'],
    ['127.0.0.1:PORT', '127.0.0.1'],
    ['localhost', 'localhost'],
    ['localhost:PORT', 'localhost'],
    ['*.localhost', 'a.localhost'],
  ])('is called where %s is allowed, and no other', async (entry, host) => {
    const { port, requests } = await target();
    const resolve = resolver(['127.0.0.1']);
    const outbound = guarded([entry.replace('PORT', String(port))], { resolve });
    const url = `http://${host}:${port}/path?a=1#fragment`;
    expect(await outbound.post(ask(url))).toMatchObject({
      answered: true,
      status: 200,
      body: Buffer.from('ok'),
    });
    expect(requests).toEqual([{ url: '/path?a=1', body: '{"some":"thing"}', host: `${host}:${port}` }]);
    expect(await outbound.post(ask('http://10.0.0.1/'))).toMatchObject({ reason: 'blocked' });
  });
});

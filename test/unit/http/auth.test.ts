import { describe, expect, test } from 'vitest';
import { apiRoutes } from '../../../src/http/app.ts';
import { raw } from '../../support/http/raw.ts';
import { fakeDeps, startApp } from '../../support/http/test-app.ts';

const apiKeys = [
  { name: 'ann', key: 'key-of-ann', scopes: ['admin'] },
  { name: 'bob', key: 'key-of-bob', scopes: ['enqueue', 'read'] },
] as const;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe('API keys', () => {
  const guarded = apiRoutes(fakeDeps().deps).filter(({ path }) => /^\/(?:v1(?!\/webhooks)|board)/.test(path));

  test.for(guarded.map(({ method, path }) => [method.toUpperCase(), path.replace('{id}', 'x')] as const))(
    '%s %s needs one',
    async ([method, path]) => {
      const app = await startApp({ apiKeys });
      const answer = await app.call(method, path);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="runfleet"');
      expect(await answer.json()).toMatchObject({ type: '/docs#problem-unauthorized' });
    },
  );

  test.for(['/healthz', '/readyz', '/metrics', '/openapi.json', '/docs'])('%s needs none', async (path) => {
    const app = await startApp({ apiKeys });
    expect((await app.call('GET', path)).status).toBe(200);
  });

  test.for([
    ['wrong', 'Bearer wrong', 401],
    ['a name instead', 'Bearer ann', 401],
    ['too short', 'Bearer key-of-an', 401],
    ['too long', 'Bearer key-of-annn', 401],
    ['empty', 'Bearer ', 401],
    ['another scheme', 'Basic key-of-ann', 401],
    ['two words', 'Bearer key-of-ann x', 401],
    ['no scheme', 'key-of-ann', 401],
    ['the first', 'Bearer key-of-ann', 200],
    ['the last', 'bearer  key-of-bob', 200],
  ] as const)('%s: %s is %d', async ([, authorization, status]) => {
    const app = await startApp({ apiKeys });
    const answer = await app.call('GET', '/v1/runs', undefined, { authorization });
    expect(answer.status).toBe(status);
  });

  test('a body is not read for a stranger', async () => {
    const app = await startApp({ apiKeys, limits: { bodyBytes: 10 } });
    expect((await app.call('POST', '/v1/runs', { request: { input: 'x'.repeat(1000) } })).status).toBe(401);
  });

  test('the name of the key owns the run', async () => {
    const app = await startApp({ apiKeys });
    await app.call('POST', '/v1/runs', { request: { model: 'x' } }, bearer('key-of-bob'));
    const { runs } = await app.store.list({ limit: 1 });
    expect(runs[0]?.spec.owner).toBe('bob');
  });
});

describe('without keys', () => {
  test.for([
    ['localhost', 200],
    ['localhost:3000', 200],
    ['127.0.0.1:9', 200],
    ['[::1]:3000', 200],
    ['runfleet.localhost', 200],
    ['evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['192.168.0.5', 403],
  ] as const)(
    'the host %s is %d: a name that points here by a trick is turned away',
    async ([host, status]) => {
      const app = await startApp();
      expect(await raw(app, { path: '/v1/runs', headers: { host } })).toMatchObject({ status });
    },
  );

  test('another site cannot send a form', async () => {
    const app = await startApp();
    const headers = { 'sec-fetch-site': 'cross-site' };
    expect(await raw(app, { method: 'POST', path: '/v1/runs/a/cancel', headers })).toMatchObject({
      status: 403,
    });
  });

  test('with keys, the host does not matter', async () => {
    const app = await startApp({ apiKeys });
    const headers = { host: 'runs.example', ...bearer('key-of-ann') };
    expect(await raw(app, { path: '/v1/runs', headers })).toMatchObject({ status: 200 });
  });
});

describe('the board’s doors', () => {
  const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
  const form = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' };

  async function logIn(key: string, headers: Record<string, string> = form) {
    const app = await startApp({ apiKeys });
    const answer = await app.call('POST', '/board/login', `key=${key}`, headers);
    return { app, answer, cookie: answer.headers.get('set-cookie')?.split(';')[0] ?? '' };
  }

  test('a browser is sent to the login page', async () => {
    const app = await startApp({ apiKeys });
    const answer = await app.call('GET', '/board/', undefined, html);
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/board/login']);
    const page = await app.call('GET', '/board/login', undefined, html);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(await page.text()).not.toMatch(/<script|https?:\/\//);
  });

  test('data, scripts and styles are behind the door too', async () => {
    const app = await startApp({ apiKeys });
    for (const path of ['/board/api/queues', '/board/static/favicon.ico']) {
      expect((await app.call('GET', path)).status).toBe(401);
    }
  });

  test('a key opens it, also straight by header', async () => {
    const { app, answer, cookie } = await logIn('key-of-ann');
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/board/']);
    expect(answer.headers.get('set-cookie')).toMatch(
      /^runfleet_board=[\w.-]+; Max-Age=43200; Path=\/board; HttpOnly; SameSite=Strict$/,
    );
    expect(answer.headers.get('set-cookie')).not.toContain('key-of-ann');
    const board = await app.call('GET', '/board/', undefined, { ...html, cookie: `a=b; ${cookie}; c=d` });
    expect(board.status).toBe(200);
    expect(board.headers.get('content-security-policy')).toContain("script-src 'self';");
    expect((await app.call('GET', '/board/api/queues', undefined, bearer('key-of-ann'))).status).toBe(200);
  });

  test('over TLS the cookie stays there', async () => {
    const { answer } = await logIn('key-of-ann', { ...form, 'x-forwarded-proto': 'https' });
    expect(answer.headers.get('set-cookie')).toMatch(/; Secure$/);
  });

  test('a wrong key does not', async () => {
    for (const key of ['wrong', '', '&key=key-of-ann', '%FF']) {
      const { answer } = await logIn(key);
      expect([answer.status, answer.headers.get('set-cookie')]).toEqual([401, null]);
    }
  });

  test('a session ends', async () => {
    const { app, cookie } = await logIn('key-of-ann');
    const open = async () => (await app.call('GET', '/board/api/queues', undefined, { cookie })).status;
    app.clock.advance(12 * 3_600_000 - 1);
    expect(await open()).toBe(200);
    app.clock.advance(1);
    expect(await open()).toBe(401);
  });

  test('a cookie that was touched is none', async () => {
    const { app, cookie } = await logIn('key-of-ann');
    const [, payload = '', signature = ''] = /=(.*)\.(.*)$/.exec(cookie) ?? [];
    const later = Buffer.from(JSON.stringify({ name: 'ann', endsAtMs: 9e15 })).toString('base64url');
    const changed = [
      `${later}.${signature}`,
      `${payload}.`,
      payload,
      '',
      '.',
      `${payload}.${signature}x`,
      '%',
      '..',
    ];
    for (const value of changed.filter((each) => `runfleet_board=${each}` !== cookie)) {
      const answer = await app.call('GET', '/board/api/queues', undefined, {
        cookie: `runfleet_board=${value}`,
      });
      expect([value, answer.status]).toEqual([value, 401]);
    }
  });

  test('a session of the board opens nothing else', async () => {
    const { app, cookie } = await logIn('key-of-ann');
    expect((await app.call('GET', '/v1/runs', undefined, { cookie })).status).toBe(401);
  });

  test('log out takes the cookie away', async () => {
    const { app, cookie } = await logIn('key-of-ann');
    const answer = await app.call('POST', '/board/logout', '', { ...form, cookie });
    expect(answer.headers.get('set-cookie')).toMatch(/^runfleet_board=; Max-Age=0;/);
  });

  test.for([
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'none' }, 403],
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{}, 403],
    [{ origin: 'SELF' }, 303],
    [{ 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' }, 303],
  ] as const)('a login form from %j is %d', async ([from, status]) => {
    const app = await startApp({ apiKeys });
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      ...from,
      ...('origin' in from && from.origin === 'SELF' ? { origin: app.url } : {}),
    };
    const answer = await raw(app, { method: 'POST', path: '/board/login', headers, body: 'key=key-of-ann' });
    expect(answer).toMatchObject({ status });
  });

  test.for(['PUT', 'POST', 'PATCH', 'DELETE'])(
    '%s changes nothing, with a session and from its own page',
    async (method) => {
      const { app, cookie } = await logIn('key-of-ann');
      const answer = await app.call(method, '/board/api/queues/pause', undefined, { cookie, ...form });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    },
  );
});

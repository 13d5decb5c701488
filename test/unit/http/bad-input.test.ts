import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { problem } from '../../../src/domain/wire/run-view.ts';
import { raw } from '../../support/http/raw.ts';
import { startApp } from '../../support/http/test-app.ts';

const json = { 'content-type': 'application/json' };
const good = { request: { model: 'gpt-5' } };
const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

describe('bodies', () => {
  const cases: readonly [string, Uint8Array | string, Record<string, string>, number, RegExp][] = [
    ['nothing', '', json, 400, /empty/],
    ['no JSON', '{"request":', json, 400, /not JSON/],
    ['a number', '3', json, 400, /errors/],
    ['null', 'null', json, 400, /errors/],
    ['a list', '[]', json, 400, /errors/],
    ['an unknown field', '{"request":{"model":"x"},"modle":1}', json, 400, /modle/],
    ['a wrong kind', '{"kind":"batch","request":{}}', json, 400, /"\/kind"/],
    ['a bad field of the provider', '{"request":{}}', json, 400, /"\/request\/model"/],
    ['a bad callback', '{"request":{"model":"x"},"callback":{"url":"x"}}', json, 400, /"\/callback\/url"/],
    [
      'a key with a slash',
      '{"request":{"model":"x"},"metadata":{"a/b~c":1}}',
      json,
      400,
      /\/metadata\/a~1b~0c"/,
    ],
    ['an own __proto__', '{"__proto__":{"kind":"x"},"request":{"model":"x"}}', json, 400, /__proto__/],
    ['a number beyond all numbers', '{"request":{"model":"x","temperature":1e400}}', json, 400, /1e400/],
    ['a number below them', '{"request":{"model":"x","input":[[-1e999]]}}', json, 400, /1e400/],
    ['NUL in a label', '{"request":{"model":"x"},"label":"a\\u0000b"}', json, 400, /label/],
    ['a label that reads backwards', '{"request":{"model":"x"},"label":"\u202Eabc"}', json, 400, /label/],
    ['a label in letters that look alike', '{"request":{"model":"x"},"label":"аbс"}', json, 400, /label/],
    ['65 levels', `{"request":{"model":"x","input":${deep(63)}}}`, json, 400, /64 levels/],
    ['a million levels', deep(1_000_000), json, 400, /64 levels/],
    ['a million open brackets', '['.repeat(1_000_000), json, 400, /not JSON/],
    ['bytes that are not UTF-8', Uint8Array.from([0x22, 0xc3, 0x28, 0x22]), json, 400, /UTF-8/],
    ['UTF-16', Buffer.from(JSON.stringify(good), 'utf16le'), json, 400, /./],
    ['a charset', '{}', { 'content-type': 'application/json; charset=latin1' }, 415, /UTF-8/],
    ['a form', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }, 415, /application\/json/],
    ['text', JSON.stringify(good), { 'content-type': 'text/plain' }, 415, /application\/json/],
    ['no type', JSON.stringify(good), {}, 415, /application\/json/],
    ['a type that is none', '{}', { 'content-type': ';;;' }, 415, /application\/json/],
    ['an unknown encoding', '{}', { ...json, 'content-encoding': 'zip' }, 415, /Content-Encoding/],
    ['gzip that is none', 'hello', { ...json, 'content-encoding': 'gzip' }, 400, /read/],
    ['too much', `{"x":"${'x'.repeat(2000)}"}`, json, 413, /1000 bytes/],
    ['too much, zipped', gzipSync(' '.repeat(100_000)), { ...json, 'content-encoding': 'gzip' }, 413, /1000/],
    ['an empty key', JSON.stringify(good), { ...json, 'idempotency-key': '' }, 400, /Idempotency-Key/],
    ['a long key', JSON.stringify(good), { ...json, 'idempotency-key': 'k'.repeat(256) }, 400, /255/],
  ];
  test.for(cases)('POST /v1/runs refuses %s', async ([name, body, headers, status, text]) => {
    const small = name.startsWith('too much');
    const app = await startApp(small ? { limits: { bodyBytes: 1000 } } : {});
    const answer = await raw(app, { method: 'POST', path: '/v1/runs', headers, body });
    expect(answer).toMatchObject({
      status,
      headers: { 'content-type': expect.stringMatching(/problem\+json/) },
    });
    expect(problem.parse(JSON.parse(answer.text)).status).toBe(status);
    expect(answer.text).toMatch(text);
    expect(answer.headers['x-request-id']).toBeTruthy();
    // Nobody's mistake but the caller's: nothing to alarm us.
    expect(app.log.filter(({ level }) => Number(level) > 20)).toEqual([]);
    expect((await app.store.list({ limit: 10 })).runs).toEqual([]);
  });

  test('two idempotency keys are one too many', async () => {
    const app = await startApp();
    const headers = { ...json, 'idempotency-key': ['a', 'b'] };
    const answer = await raw(app, { method: 'POST', path: '/v1/runs', headers, body: JSON.stringify(good) });
    expect(answer.status).toBe(400);
  });

  test.for([
    ['a byte order mark', Buffer.from(`\u{FEFF}${JSON.stringify(good)}`), json],
    ['a charset in capitals', JSON.stringify(good), { 'content-type': 'Application/JSON; Charset="UTF-8"' }],
    ['a JSON type of their own', JSON.stringify(good), { 'content-type': 'application/vnd.acme+json' }],
    ['gzip', gzipSync(JSON.stringify(good)), { ...json, 'content-encoding': 'gzip' }],
    ['64 levels', `{"request":{"model":"x","input":${deep(62)}}}`, json],
    [
      'a surrogate without its pair',
      '{"request":{"model":"x","input":"\\ud800"},"metadata":{"a":"\\udfff"}}',
      json,
    ],
    ['NUL in a prompt', '{"request":{"model":"x","input":"a\\u0000b"}}', json],
    ['a key twice', '{"request":{"model":"x"},"priority":1,"priority":2}', json],
    [
      'metadata of dangerous names',
      '{"request":{"model":"x"},"metadata":{"constructor":"a","prototype":"b","__proto__":"c"}}',
      json,
    ],
    [
      'tools of dangerous names',
      '{"request":{"model":"x"},"tools":{"by_name":{"constructor":{"mode":"manual"},"__proto__":{"mode":"manual"}}}}',
      json,
    ],
    ['__proto__ further down', '{"request":{"model":"x","input":{"__proto__":{"polluted":1}}}}', json],
  ] as const)('POST /v1/runs takes %s', async ([, body, headers]) => {
    const app = await startApp();
    const answer = await raw(app, { method: 'POST', path: '/v1/runs', headers, body });
    expect(answer).toMatchObject({ status: 202 });
    expect('polluted' in {}).toBe(false);
  });
});

describe('paths, methods and queries', () => {
  test.for([
    ['GET', '/v1/runs/%zz', 400, /percent/],
    ['GET', '/v1/runs/%E0%A4%A', 400, /percent/],
    ['GET', '/%', 400, /percent/],
    ['GET', '/board/static/%', 400, /percent/],
    ['GET', '/v1/runs/nobody', 404, /nobody/],
    ['GET', `/v1/runs/${'x'.repeat(5000)}`, 404, /no such run/],
    ['GET', '/v1/runs/a%3Alock', 404, /no such run/],
    ['GET', '/v1/runs/a%00b', 404, /no such run/],
    ['GET', '/v1/runs/..%2F..%2Fetc', 404, /no such run/],
    ['POST', '/v1/runs/nobody/cancel', 404, /nobody/],
    ['POST', '/v1/runs/nobody/redrive', 404, /nobody/],
    ['GET', '/nothing', 404, /nothing here/],
    ['GET', '/V1/runs', 404, /nothing here/],
    ['GET', '/v1', 404, /nothing here/],
    ['POST', '/v1/runs/a/b/c', 404, /nothing here/],
    ['DELETE', '/v1/runs', 405, /no such method/],
    ['PUT', '/v1/runs/a', 405, /no such method/],
    ['GET', '/v1/runs/a/cancel', 405, /no such method/],
    ['POST', '/healthz', 405, /no such method/],
    ['GET', '/v1/runs?limit=0', 400, /query\/limit/],
    ['GET', '/v1/runs?limit=101', 400, /query\/limit/],
    ['GET', '/v1/runs?limit=1.5', 400, /query\/limit/],
    ['GET', '/v1/runs?limit=', 400, /query\/limit/],
    ['GET', '/v1/runs?limit=0x10', 400, /query\/limit/],
    ['GET', '/v1/runs?limit=%201', 400, /query\/limit/],
    ['GET', '/v1/runs?limit=1&limit=2', 400, /query\/limit/],
    ['GET', '/v1/runs?status=done', 400, /query\/status/],
    ['GET', '/v1/runs?kind=batch', 400, /query\/kind/],
    ['GET', '/v1/runs?cursor=', 400, /query\/cursor/],
    ['GET', '/v1/runs?cursor=garbage!', 400, /query\/cursor/],
    ['GET', '/v1/runs?sort=asc', 400, /query\/sort/],
    ['GET', '/v1/runs?__proto__=1', 400, /query\/__proto__/],
    ['GET', '/v1/runs/a?wait=61', 400, /query\/wait/],
    ['GET', '/v1/runs/a?wait=-1', 400, /query\/wait/],
    ['GET', '/v1/runs/a?wait=Infinity', 400, /query\/wait/],
    ['GET', '/v1/runs/a?wait[]=1', 400, /query\/wait/],
    ['GET', '/v1/quota', 501, /not available/],
  ] as const)('%s %s is answered %d', async ([method, path, status, text]) => {
    const app = await startApp();
    const answer = await raw(app, { method, path });
    expect(answer).toMatchObject({
      status,
      headers: { 'content-type': expect.stringMatching(/problem\+json/) },
    });
    expect(problem.parse(JSON.parse(answer.text)).status).toBe(status);
    expect(answer.text).toMatch(text);
    expect(answer.headers.allow !== undefined).toBe(status === 405);
  });

  test('Allow names what there is, for OPTIONS too', async () => {
    const app = await startApp();
    const refused = await app.call('DELETE', '/v1/runs');
    expect(refused.headers.get('allow')).toBe('POST, GET, HEAD');
    const options = await app.call('OPTIONS', '/v1/runs/x/cancel');
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST']);
  });

  test('HEAD is GET without a body', async () => {
    const app = await startApp();
    const answer = await app.call('HEAD', '/v1/runs');
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });
});

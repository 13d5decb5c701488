import * as z from 'zod';
import { describe, expect, it } from 'vitest';
import { checkFleet } from '../../../src/cli/doctor/fleet.ts';
import { checkKeyForm, checkProviders, verdictOn } from '../../../src/cli/doctor/provider.ts';
import { checkApiKeys, checkConfiguration, checkWebhookSecret } from '../../../src/cli/doctor/settings.ts';
import { RunfleetClient } from '../../../src/client/index.ts';
import { aProblem, Stub } from '../client/stub.ts';
import type { Reply } from '../client/stub.ts';
import { jsonLines, run } from './harness.ts';

const key = 'sk-proj-0123456789abcdef0123';

const refuse = (): Promise<never> =>
  Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ENOTFOUND' }) }));

const never = (): Promise<never> => Promise.reject(new Error('asked'));

describe('the provider', () => {
  it.each([
    [key, undefined, 'ok'],
    [undefined, 'http://127.0.0.1:8080/v1', 'ok'],
    ['anything', 'http://127.0.0.1:8080/v1', 'ok'],
    ['your-key-here', undefined, 'warn'],
    ['sk-...', 'https://api.openai.com/v1', 'warn'],
    [`"${key}"`, undefined, 'fail'],
    [`${key} `, undefined, 'fail'],
    [`${key}…`, undefined, 'fail'],
  ])('key %j at %j: %s', (given, baseUrl, verdict) => {
    const finding = checkKeyForm(given, baseUrl);
    expect(finding.verdict).toBe(verdict);
    expect(JSON.stringify(finding)).not.toContain(key);
  });

  it.each([
    [200, 'ok'],
    [301, 'fail'],
    [401, 'fail'],
    [403, 'warn'],
    [404, 'warn'],
    [429, 'warn'],
    [503, 'warn'],
  ])('%i on the list of models: %s', (status, verdict) => {
    expect(verdictOn(status, 'https://api.openai.com/v1')).toMatchObject({ verdict });
  });

  it('is asked once, with the key, and never quoted', async () => {
    await using stub = await Stub.start({
      status: 401,
      json: { error: { message: `Incorrect API key ${key}` } },
    });
    const env = { OPENAI_API_KEY: key, OPENAI_BASE_URL: `${stub.url}/v1/` };
    const findings = await checkProviders(env, null, fetch);
    expect(findings).toMatchObject([
      { check: 'openai.key', verdict: 'ok' },
      { check: 'openai.accepted', verdict: 'fail', message: expect.stringContaining('401') },
    ]);
    expect(stub.requests.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/v1/models', `Bearer ${key}`],
    ]);
    expect(JSON.stringify(findings)).not.toContain(key);
  });

  it('tells an unreachable one from one that refuses', async () => {
    const env = { OPENAI_API_KEY: key, OPENAI_BASE_URL: 'http://me:hunter2@127.0.0.1:1/v1' };
    const [, reached] = await checkProviders(env, null, refuse);
    expect(reached).toMatchObject({
      verdict: 'fail',
      message: 'http://***@127.0.0.1:1/v1 cannot be reached (ENOTFOUND)',
    });
  });

  it('is not asked without a key, nor with one that cannot be sent', async () => {
    expect(await checkProviders({ OPENAI_API_KEY: ' ' }, null, never)).toMatchObject([{ verdict: 'fail' }]);
    expect(await checkProviders({ OPENAI_API_KEY: 'sk-\u0000' }, null, never)).toMatchObject([
      { verdict: 'fail' },
    ]);
  });
});

describe('settings', () => {
  const secret = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3';

  it.each([
    [undefined, 'warn'],
    [secret, 'ok'],
    [`${secret}, ${secret}`, 'ok'],
    ['whsec_', 'fail'],
    ['whsec_not base64', 'fail'],
    [`${secret},${secret.slice(6)}`, 'fail'],
    [`"${secret}"`, 'fail'],
  ])('webhook secret %j: %s', (given, verdict) => {
    const finding = checkWebhookSecret(given === undefined ? {} : { OPENAI_WEBHOOK_SECRET: given });
    expect(finding.verdict).toBe(verdict);
    expect(JSON.stringify(finding)).not.toContain('MDEy');
  });

  it('the whole environment, every fault at once, without values', () => {
    expect(checkConfiguration({})).toMatchObject({ verdict: 'ok' });
    const finding = checkConfiguration({ RUNFLEET_PORT: 'hunter2', RUNFLEET_CONCURRENCY: 'hunter2' });
    expect(finding).toMatchObject({ verdict: 'fail' });
    expect(finding.message).toMatch(/RUNFLEET_PORT: .+; RUNFLEET_CONCURRENCY: /);
    expect(finding.message).not.toContain('hunter2');
    const open = checkConfiguration({ RUNFLEET_HOST: '0.0.0.0' });
    expect(open).toMatchObject({ verdict: 'fail', message: expect.stringContaining('0.0.0.0') });
  });

  it('counts the keys, and names none', () => {
    expect(checkApiKeys({}).message).toContain('this machine only');
    const finding = checkApiKeys({ RUNFLEET_API_KEYS: 'a:0123456789abcdef,b:0123456789abcdee' });
    expect(finding.message).toContain('names 2');
    expect(finding.message).not.toContain('0123');
  });
});

describe('the fleet', () => {
  const ready = { json: { ok: true, checks: { redis: { ok: true } } } };
  const list = { json: { object: 'list', data: [], next_cursor: null } };

  it.each([
    { name: 'up and open', script: [ready, list], verdicts: ['ok', 'ok'] },
    { name: 'up, but not for this key', script: [ready, aProblem(401)], verdicts: ['ok', 'fail'] },
    {
      name: 'up, but not able to work',
      script: [{ status: 503, json: { ok: false, checks: { redis: { ok: false } } } }, aProblem(503)],
      verdicts: ['fail', 'fail'],
    },
    { name: 'something else', script: [{ status: 200, text: '<html>' }], verdicts: ['fail'] },
  ])('$name', async ({ script, verdicts }) => {
    await using stub = await Stub.start(...script);
    const client = new RunfleetClient({ baseUrl: stub.url, maxRetries: 0 });
    const findings = await checkFleet(client, { asked: true });
    expect(findings.map(({ verdict }) => verdict)).toEqual(verdicts);
  });

  it('that is not there is wrong only where one was named', async () => {
    const client = new RunfleetClient({ baseUrl: 'http://127.0.0.1:1', maxRetries: 0 });
    expect(await checkFleet(client, { asked: true })).toMatchObject([{ verdict: 'fail' }]);
    expect(await checkFleet(client, { asked: false })).toMatchObject([{ verdict: 'warn' }]);
  });
});

const inOrder: Reply = ({ path }) => ({
  json: path.startsWith('/readyz')
    ? { ok: true, checks: {} }
    : { object: 'list', data: [], next_cursor: null },
});
const reportShape = z.object({
  ok: z.boolean(),
  findings: z.array(z.object({ check: z.string(), verdict: z.string() })),
});

describe('runfleet doctor', () => {
  const password = 'hunter2hunter2';
  const badRedis = () => Promise.reject(new Error(`connect to redis://u:${password}@h failed, ${password}`));

  const info = 'redis_version:7.2.4\nhz:100\nmaxmemory_policy:noeviction\nmaxmemory:0\naof_enabled:1\n';
  const goodRedis = () =>
    Promise.resolve({
      info: () => Promise.resolve(info),
      helperQueues: () => Promise.resolve({ tools: { calls: 0, longestMs: 0, unserved: [] }, callbacks: 0 }),
      setting: () => Promise.resolve(null),
      timeMs: () => Promise.resolve(Date.parse('2026-11-20T04:00:10Z')),
      close: () => undefined,
    });

  it('is content with a fleet in order', async () => {
    await using stub = await Stub.start(inOrder, inOrder);
    const env = { REDIS_URL: 'redis://h', RUNFLEET_URL: stub.url, OPENAI_API_KEY: key };
    const deps = { connectRedis: goodRedis, fetch: () => Promise.resolve(new Response('{}')) };
    const { code, stdout, stderr } = await run(['doctor'], { env, deps });
    expect(code).toBe(0);
    expect(stdout).not.toContain('✗');
    expect(stdout).toContain('✓ maxmemory-policy is noeviction\n');
    expect(stderr).toBe('15 in order, 1 to look at, 0 wrong.\n');
  });

  it('tries the key of every account, and prints none', async () => {
    await using stub = await Stub.start(inOrder, inOrder);
    const env = {
      REDIS_URL: 'redis://h',
      RUNFLEET_URL: stub.url,
      RUNFLEET_ACCOUNTS: 'eu,batch',
      RUNFLEET_ACCOUNT_EU_API_KEY: key,
      RUNFLEET_ACCOUNT_BATCH_BASE_URL: 'http://batch/v1',
      RUNFLEET_ACCOUNT_BATCH_API_KEY: password,
    };
    const asked: string[] = [];
    const deps = {
      connectRedis: goodRedis,
      fetch: (url: string | URL | Request, init?: RequestInit) => {
        asked.push(
          `${String(url instanceof Request ? url.url : url)} ${String(new Headers(init?.headers).get('authorization'))}`,
        );
        return Promise.resolve(new Response('{}', { status: asked.length === 1 ? 200 : 401 }));
      },
    };
    const { code, stdout } = await run(['doctor'], { env, deps });
    expect(code).toBe(1);
    expect(asked).toEqual([
      `https://api.openai.com/v1/models Bearer ${key}`,
      `http://batch/v1/models Bearer ${password}`,
    ]);
    expect(stdout).toContain(
      '✓ RUNFLEET_ACCOUNT_EU_API_KEY is set\n✓ https://api.openai.com/v1 accepts the key\n',
    );
    expect(stdout).toMatch(
      /^✗ http:\/\/batch\/v1 refuses the key \(401\)\n {4}Set RUNFLEET_ACCOUNT_BATCH_API_KEY/m,
    );
    expect(stdout).not.toContain(password);
    expect(stdout).not.toContain(key);
  });

  it('marks what is wrong, says what to do, prints no secret, and exits 1', async () => {
    const env = {
      REDIS_URL: `redis://u:${password}@h`,
      OPENAI_WEBHOOK_SECRET: password,
      RUNFLEET_API_KEY: password,
    };
    const argv = ['doctor', '--url', 'http://127.0.0.1:1'];
    const { code, stdout, stderr } = await run(argv, { env, deps: { connectRedis: badRedis } });
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^✗ Redis does not answer at REDIS_URL: .*\n {4}Start it, or correct REDIS_URL\.\n/m,
    );
    expect(stdout).toMatch(/^✗ OPENAI_API_KEY is not set\n {4}Set it/m);
    expect(stdout + stderr).not.toContain(password);
  });

  it('--json gives one object', async () => {
    await using stub = await Stub.start(inOrder, inOrder);
    const argv = ['doctor', '--json', '--url', stub.url];
    const { code, stdout } = await run(argv, { deps: { connectRedis: badRedis } });
    expect(code).toBe(1);
    const [report, ...rest] = jsonLines(stdout).map((line) => reportShape.parse(line));
    expect(rest).toEqual([]);
    expect(report?.ok).toBe(false);
    expect(report?.findings.map(({ check, verdict }) => `${check} ${verdict}`)).toEqual([
      'redis.reachable warn',
      'openai.key fail',
      'configuration ok',
      'openai.webhook_secret warn',
      'runfleet.api_keys ok',
      'fleet.reachable ok',
      'fleet.access ok',
    ]);
  });
});

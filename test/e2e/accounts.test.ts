/** Two accounts at two servers, under workers of their own: each run where it should go, each quota kept. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { freePort } from '../../src/runtime/free-port.ts';
import { type Simulator, startSimulator } from '../../src/simulator/index.ts';
import { eventually, eventuallyPasses } from '../support/eventually.ts';
import { aResponse, Fleet, secrets } from '../support/fleet.ts';
import type { Lifetime } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';

const redis = useRedis();
const euKey = 'sk-secret-of-the-eu-account-0123456789';
const [defaultRpm, euRpm] = [120, 360];

async function twoAccounts(test: Lifetime): Promise<{ readonly fleet: Fleet; readonly eu: Simulator }> {
  const eu = await startSimulator({
    apiKeys: [euKey],
    requestsPerMinute: euRpm,
    queueDurations: { type: 'fixed', ms: 0 },
  });
  test.onTestFinished(() => eu.close());
  const dir = await mkdtemp(join(tmpdir(), 'runfleet-accounts-'));
  test.onTestFinished(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'eu-key'), `${euKey}\n`);
  const fleet = await Fleet.start(test, {
    redis,
    workers: 0,
    simulator: { requestsPerMinute: defaultRpm },
    env: {
      RUNFLEET_RPM: String(defaultRpm),
      RUNFLEET_ACCOUNTS: 'eu',
      RUNFLEET_ACCOUNT_EU_API_KEY_FILE: join(dir, 'eu-key'),
      RUNFLEET_ACCOUNT_EU_BASE_URL: eu.baseUrl,
      RUNFLEET_ACCOUNT_EU_RPM: String(euRpm),
      RUNFLEET_POOLS: 'any=default+eu',
    },
  });
  return { fleet, eu };
}

it('sends a named run where it is named, spreads a pool by what is left, and keeps both quotas and keys', async (test) => {
  const { fleet, eu } = await twoAccounts(test);
  await Promise.all([fleet.addWorker(), fleet.addWorker()]);
  const run = aResponse({ duration_ms: 0 });
  const of = (account: string | null, count: number) =>
    Array.from({ length: count }, () => ({ ...run, account }));
  const accepted = await fleet.client.runs.createMany([...of('any', 60), ...of('eu', 4), ...of(null, 4)]);
  const ended = await Promise.all(accepted.map(({ run: one }) => fleet.client.runs.wait(one?.id ?? '')));

  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['completed']));
  const accounts = ended.map(({ account }) => account);
  expect(new Set(accounts.slice(60, 64))).toEqual(new Set(['eu']));
  expect(new Set(accounts.slice(64))).toEqual(new Set(['default']));
  // Three quarters of what both allow is at eu.
  const spread = accounts.slice(0, 60).filter((account) => account === 'eu').length;
  expect(spread).toBeGreaterThanOrEqual(38);
  expect(spread).toBeLessThanOrEqual(52);
  const ledgers = [fleet.simulator.ledger(), eu.ledger()] as const;
  expect(ledgers.map(({ responses }) => responses.created)).toEqual([64 - spread, spread + 4]);
  for (const [at, ledger] of ledgers.entries()) {
    expect(ledger).toMatchObject({ throttled: 0, duplicates: [] });
    expect(ledger.worstWindow.calls).toBeLessThanOrEqual(at === 0 ? defaultRpm : euRpm);
  }

  const { accounts: quotas, ...top } = await fleet.client.quota();
  expect(quotas.map(({ name, requests }) => [name, requests.limit])).toEqual([
    ['default', defaultRpm],
    ['eu', euRpm],
  ]);
  expect(top.requests.limit).toBe(defaultRpm);
  const metrics = await (await fetch(`${fleet.api.apiUrl}/metrics`)).text();
  expect(metrics).toContain(`runfleet_quota_limit{account="eu",unit="requests"} ${euRpm}`);

  const kept = await everythingIn(redis.client);
  expect(kept).toContain('resp_');
  for (const secret of [secrets.openai, euKey]) {
    expect(kept).not.toContain(secret);
    expect(fleet.output()).not.toContain(secret);
    expect(JSON.stringify(ended) + metrics).not.toContain(secret);
  }
});

it('refuses what names no account, and is ready while one account works and permits are given', async (test) => {
  const { fleet, eu } = await twoAccounts(test);
  const worker = await fleet.addWorker({ RUNFLEET_METRICS_PORT: String(await freePort()) });
  const run = aResponse({ duration_ms: 0 });
  await expect(fleet.client.runs.create({ ...run, account: 'us' })).rejects.toMatchObject({
    status: 400,
    message: expect.stringContaining('default, eu, any'),
  });
  const readyz = () => readyzOf(worker.metricsUrl);
  expect(await readyz()).toMatchObject({ status: 200 });

  eu.configure({ apiKeys: ['another'] });
  await expect(fleet.client.runs.createAndWait({ ...run, account: 'eu' })).resolves.toMatchObject({
    status: 'rejected',
    account: 'eu',
  });
  // Of a pool, it goes to the account that still works.
  await expect(fleet.client.runs.createAndWait({ ...run, account: 'any' })).resolves.toMatchObject({
    status: 'completed',
    account: 'default',
  });
  const { status, body } = await readyz();
  expect([status, JSON.parse(body)]).toMatchObject([
    200,
    { checks: { 'provider.default': { ok: true }, 'provider.eu': { ok: false } } },
  ]);
  expect(body).toContain('Check the key of account eu.');
  const metrics = await (await fetch(`${worker.metricsUrl}/metrics`)).text();
  expect(metrics).toContain('runfleet_limiter_permits_total{account="default",class="create"}');

  try {
    // Redis answers, but the limiter's script may not run: no call can go out.
    await redis.client.acl('SETUSER', 'default', '-evalsha', '-eval');
    const refused = { redis: { ok: true }, 'limiter.default': { ok: false }, 'limiter.eu': { ok: false } };
    await eventuallyPasses(async () => {
      const unready = await readyz();
      expect([unready.status, JSON.parse(unready.body)]).toMatchObject([503, { checks: refused }]);
    });
    // The API makes no calls: it says so too, and is ready.
    const told = await eventually(
      'an API that tells of it',
      () => readyzOf(fleet.api.apiUrl),
      ({ body: said }) => said.includes('No call goes out under the quota of eu'),
    );
    expect(told.status).toBe(200);
  } finally {
    await redis.client.acl('SETUSER', 'default', '+evalsha', '+eval');
  }
  await eventually('a ready worker', readyz, (answer) => answer.status === 200);
});

async function readyzOf(url: string): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(`${url}/readyz`);
  return { status: response.status, body: await response.text() };
}

/** Every key and every value. */
async function everythingIn(client: Redis): Promise<string> {
  const found: string[] = [];
  for await (const keys of client.scanStream({ count: 1000 })) {
    for (const key of keys) found.push(String(key), JSON.stringify(await valueOf(client, String(key))));
  }
  return found.join('\n');
}

async function valueOf(client: Redis, key: string): Promise<unknown> {
  switch (await client.type(key)) {
    case 'string':
      return await client.get(key);
    case 'hash':
      return await client.hgetall(key);
    case 'list':
      return await client.lrange(key, 0, -1);
    case 'set':
      return await client.smembers(key);
    case 'zset':
      return await client.zrange(key, '0', '-1');
    case 'stream':
      return await client.xrange(key, '-', '+');
    case 'none':
      // Expired since it was listed.
      return null;
    default:
      throw new Error(`What is kept under ${key} cannot be read.`);
  }
}

import { describe, expect, it } from 'vitest';
import { checkQueues, type HelperQueues } from '../../../src/cli/doctor/queues.ts';
import type { RedisProbe } from '../../../src/cli/doctor/redis-probe.ts';
import {
  checkClock,
  checkEviction,
  checkHz,
  checkPersistence,
  checkReplication,
  checkRedis,
  checkVersion,
  parseInfo,
} from '../../../src/cli/doctor/redis.ts';

const healthy: Record<string, string> = {
  redis_version: '7.2.4',
  configured_hz: '100',
  maxmemory: '0',
  maxmemory_policy: 'noeviction',
  aof_enabled: '1',
  aof_last_write_status: 'ok',
};

const info = (fields: Record<string, string> = {}): ReadonlyMap<string, string> =>
  new Map(Object.entries({ ...healthy, ...fields }));
const without = (name: string): ReadonlyMap<string, string> =>
  new Map(Object.entries(healthy).filter(([key]) => key !== name));

const infoText = `# Server\r\n${Object.entries(healthy)
  .map(([name, value]) => `${name}:${value}\r\n`)
  .join('')}\r\n# Clients\r\n`;

const idle: HelperQueues = { tools: { calls: 0, longestMs: 0, unserved: [] }, callbacks: 0 };

function probe(fields: Partial<RedisProbe> = {}): RedisProbe & { closed: boolean } {
  const made = {
    closed: false,
    info: () => Promise.resolve(infoText),
    setting: () => Promise.resolve('always'),
    timeMs: () => Promise.resolve(1000),
    helperQueues: () => Promise.resolve(idle),
    close: () => void (made.closed = true),
    ...fields,
  };
  return made;
}

it('reads INFO', () => {
  expect(parseInfo(infoText)).toEqual(info());
  expect(parseInfo('executable:/a:b\n# X\n:\n')).toEqual(new Map([['executable', '/a:b']]));
});

describe('one look at INFO', () => {
  it.each([
    ['7.2.4', undefined, 'ok', 'Redis 7.2.4'],
    ['6.2.0', undefined, 'ok', 'Redis 6.2.0'],
    ['7.2.4', '9.1.0', 'ok', 'Valkey 9.1.0'],
    ['6.0.16', undefined, 'fail', 'Redis 6.0.16 is too old'],
    ['5.0.7', undefined, 'fail', 'Redis 5.0.7 is too old'],
    ['', undefined, 'warn', 'Redis does not say its version'],
  ])('version %s (valkey %s): %s', (redis_version, valkey, verdict, message) => {
    const fields = valkey === undefined ? { redis_version } : { redis_version, valkey_version: valkey };
    expect(checkVersion(info(fields))).toMatchObject({ verdict, message });
  });

  it.each([
    ['noeviction', '1000', 'ok'],
    ['allkeys-lru', '1000', 'fail'],
    ['volatile-ttl', '1000', 'fail'],
    ['allkeys-lru', '0', 'warn'],
  ])('policy %s with maxmemory %s: %s', (maxmemory_policy, maxmemory, verdict) => {
    expect(checkEviction(info({ maxmemory_policy, maxmemory }))).toMatchObject({ verdict });
  });

  it.each([
    ['1', 'ok', 'ok'],
    ['0', 'ok', 'warn'],
    ['1', 'err', 'fail'],
  ])('AOF %s, last write %s: %s', (aof_enabled, aof_last_write_status, verdict) => {
    expect(checkPersistence(info({ aof_enabled, aof_last_write_status }), null)).toMatchObject({ verdict });
  });

  it.each([
    ['always', 'ok'],
    ['everysec', 'warn'],
    ['no', 'warn'],
    [null, 'ok'],
  ])('appendfsync %s: %s', (appendfsync, verdict) => {
    expect(checkPersistence(info({}), appendfsync)).toMatchObject({ verdict });
  });

  it.each([
    [{ role: 'master', connected_slaves: '0' }, 'ok'],
    [{ role: 'master', connected_slaves: '1' }, 'warn'],
    [{ role: 'master', connected_slaves: '1', min_slaves_good_slaves: '1' }, 'ok'],
    [{ role: 'slave' }, 'fail'],
  ])('replication %o: %s', (fields, verdict) => {
    expect(checkReplication(info(fields))).toMatchObject({ verdict });
  });

  it.each([
    ['100', 'ok'],
    ['500', 'ok'],
    ['10', 'warn'],
  ])('hz %s: %s', (configured_hz, verdict) => {
    expect(checkHz(info({ configured_hz }))).toMatchObject({ verdict });
  });

  it('what a managed Redis hides is to look at, not wrong', () => {
    expect(checkEviction(without('maxmemory_policy')).verdict).toBe('warn');
    expect(checkPersistence(without('aof_enabled'), null).verdict).toBe('warn');
    expect(checkHz(without('configured_hz')).verdict).toBe('warn');
  });

  it('says how late looks come', () => {
    expect(checkHz(info({ configured_hz: '10' })).message).toContain('up to 100 ms late');
  });
});

// Asked at 10,000 and answered at 10,400.
const times = (): (() => number) => {
  const readings = [10_000, 10_400];
  return () => readings.shift() ?? Number.NaN;
};

describe('the clock', () => {
  it.each([
    [10_200, 'ok', /agree/],
    [11_400, 'ok', /agree/],
    [9_000, 'ok', /agree/],
    [11_500, 'fail', /1\.1 s behind/],
    [8_000, 'fail', /2\.0 s ahead/],
  ])('at Redis %i: %s', async (theirs, verdict, message) => {
    const finding = await checkClock({ timeMs: () => Promise.resolve(theirs) }, times());
    expect(finding).toMatchObject({ verdict, message: expect.stringMatching(message) });
  });
});

describe('Redis as a whole', () => {
  const deps = { env: {}, url: 'redis://:hunter2hunter2@10.0.0.5', nowMs: () => 1000 };

  it('all in order, and the connection closed', async () => {
    const one = probe();
    const findings = await checkRedis({ ...deps, connect: () => Promise.resolve(one) });
    expect(findings.map(({ verdict }) => verdict)).toEqual(Array(9).fill('ok'));
    expect(one.closed).toBe(true);
  });

  it.each([
    ['WRONGPASS invalid username-password pair', 'Redis refuses the user or password of REDIS_URL'],
    ['NOAUTH Authentication required.', 'Redis refuses the user or password of REDIS_URL'],
    [
      'connect ECONNREFUSED 10.0.0.5:6379',
      'Redis does not answer at REDIS_URL: connect ECONNREFUSED 10.0.0.5:6379',
    ],
  ])('%s: wrong', async (reason, message) => {
    const findings = await checkRedis({ ...deps, connect: () => Promise.reject(new Error(reason)) });
    expect(findings).toMatchObject([{ check: 'redis.reachable', verdict: 'fail', message }]);
    expect(JSON.stringify(findings)).not.toContain('hunter2');
  });

  it('an address of no known form: wrong, in the words of who reads it', async () => {
    const error = Object.assign(new Error('REDIS_URL names no host.'), { name: 'RedisUrlError' });
    const findings = await checkRedis({ ...deps, connect: () => Promise.reject(error) });
    expect(findings).toMatchObject([{ verdict: 'fail', message: 'REDIS_URL names no host.' }]);
  });

  it('without REDIS_URL, one that is there is not used, and one that is not may be meant so', async () => {
    const asked: string[] = [];
    const connect = (url: string) => {
      asked.push(url);
      return Promise.resolve(probe());
    };
    const [found] = await checkRedis({ ...deps, url: null, connect });
    expect(found).toMatchObject({
      verdict: 'warn',
      advice: 'Set REDIS_URL=redis://127.0.0.1:6379, or another one.',
    });
    expect(asked).toEqual(['redis://127.0.0.1:6379']);
    const none = await checkRedis({ ...deps, url: null, connect: () => Promise.reject(new Error('no')) });
    expect(none).toMatchObject([{ verdict: 'warn' }]);
  });

  it('one that may not be looked at is closed too', async () => {
    const one = probe({ info: () => Promise.reject(new Error("NOPERM no permissions to run 'info'")) });
    const findings = await checkRedis({ ...deps, connect: () => Promise.resolve(one) });
    expect(findings).toMatchObject([{ verdict: 'fail', message: expect.stringContaining('NOPERM') }]);
    expect(one.closed).toBe(true);
  });
});

const verdicts = (queues: Partial<HelperQueues>, env = {}) =>
  checkQueues({ ...idle, ...queues }, env).map(({ verdict }) => verdict);

describe('what waits for helpers', () => {
  const some = { calls: 3, longestMs: 60_000 };

  it.each([
    [{ calls: 3, longestMs: 100, unserved: [] }, 'ok'],
    [{ ...some, unserved: [] }, 'warn'],
    [{ ...some, unserved: ['fly'] }, 'fail'],
  ] as const)('tool calls %j: %s', (tools, verdict) => {
    expect(verdicts({ tools })).toEqual([verdict, 'ok']);
  });

  it('names the tools that nobody serves, but not hundreds', () => {
    const unserved = Array.from({ length: 100 }, (_, at) => `tool_${at}`);
    const [found] = checkQueues({ ...idle, tools: { ...some, unserved } }, {});
    expect(found?.message).toMatch(/: tool_0, .*, tool_9, …$/);
  });

  it('callbacks need a secret, once there are any', () => {
    expect(verdicts({ callbacks: 2 })).toEqual(['ok', 'fail']);
    expect(verdicts({ callbacks: 2 }, { RUNFLEET_CALLBACK_SECRET: 'whsec_x' })).toEqual(['ok', 'ok']);
  });
});

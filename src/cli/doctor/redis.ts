/** Is this Redis one that runs can be trusted to? All but the clock is read from `INFO`, which managed ones allow too. */

import { fail, ok, setting, warn } from './finding.ts';
import type { Env, Finding } from './finding.ts';
import { checkQueues } from './queues.ts';
import type { RedisProbe } from './redis-probe.ts';

interface RedisDeps {
  /** Of `REDIS_URL`; null when it is not set. */
  readonly url: string | null;
  readonly connect: (url: string) => Promise<RedisProbe>;
  readonly nowMs: () => number;
  readonly env: Env;
}

const defaultRedisUrl = 'redis://127.0.0.1:6379';

export async function checkRedis(deps: RedisDeps): Promise<Finding[]> {
  let probe: RedisProbe;
  try {
    probe = await deps.connect(deps.url ?? defaultRedisUrl);
  } catch (error) {
    return [unreachable(deps.url, error)];
  }
  try {
    const info = parseInfo(await probe.info());
    const connected = [reachable(deps.url)];
    const clock = await checkClock(probe, deps.nowMs);
    const queues = await probe.helperQueues(setting(deps.env, 'RUNFLEET_PREFIX') ?? '{runfleet}');
    return [
      ...connected,
      checkVersion(info),
      checkEviction(info),
      checkPersistence(info, await probe.setting('appendfsync')),
      checkReplication(info),
      checkHz(info),
      clock,
      ...checkQueues(queues, deps.env),
    ];
  } catch (error) {
    const advice =
      'Let the user of REDIS_URL run INFO and TIME and read our keys, or ask who runs this Redis.';
    return [fail('redis.reachable', `Redis answers, but refuses to be looked at: ${textOf(error)}`, advice)];
  } finally {
    probe.close();
  }
}

function reachable(url: string | null): Finding {
  const check = 'redis.reachable';
  if (url !== null) return ok(check, 'Redis answers at REDIS_URL');
  const message = 'A Redis answers at 127.0.0.1:6379, but REDIS_URL is not set: runfleet would not use it';
  return warn(check, message, `Set REDIS_URL=${defaultRedisUrl}, or another one.`);
}

function unreachable(url: string | null, error: unknown): Finding {
  const why = textOf(error);
  const check = 'redis.reachable';
  if (url === null) {
    return warn(
      check,
      `REDIS_URL is not set, and nothing answers at 127.0.0.1:6379`,
      'Set REDIS_URL. Only `npm start` and `runfleet all` bring a Redis of their own, which forgets all when it stops.',
    );
  }
  if (error instanceof Error && error.name === 'RedisUrlError') return fail(check, why, 'Correct REDIS_URL.');
  if (/WRONGPASS|NOAUTH|NOPERM|invalid password/i.test(why)) {
    return fail(
      check,
      'Redis refuses the user or password of REDIS_URL',
      'Correct them: redis://user:password@host:6379.',
    );
  }
  return fail(check, `Redis does not answer at REDIS_URL: ${why}`, 'Start it, or correct REDIS_URL.');
}

/** `INFO` is `name:value` lines, with `# Section` between. */
export function parseInfo(text: string): ReadonlyMap<string, string> {
  const pairs = text.split(/\r?\n/).flatMap((line) => {
    const colon = line.indexOf(':');
    return colon < 1 || line.startsWith('#') ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
  });
  return new Map(pairs);
}

type Info = ReadonlyMap<string, string>;

/** BullMQ's own lower bound. */
const lowestVersion = [6, 2] as const;

export function checkVersion(info: Info): Finding {
  const version = info.get('redis_version') ?? '';
  const valkey = info.get('valkey_version');
  const name = valkey === undefined ? `Redis ${version}` : `Valkey ${valkey}`;
  const [major = Number.NaN, minor = Number.NaN] = version.split('.').map(Number);
  const check = 'redis.version';
  if (Number.isNaN(major) || Number.isNaN(minor)) {
    return warn(
      check,
      'Redis does not say its version',
      `runfleet needs ${lowestVersion.join('.')} or newer.`,
    );
  }
  if (major > lowestVersion[0] || (major === lowestVersion[0] && minor >= lowestVersion[1]))
    return ok(check, name);
  return fail(check, `${name} is too old`, `Use Redis ${lowestVersion.join('.')} or newer, or Valkey.`);
}

export function checkEviction(info: Info): Finding {
  const policy = info.get('maxmemory_policy');
  const check = 'redis.eviction';
  const advice = 'CONFIG SET maxmemory-policy noeviction (and the same in redis.conf).';
  if (policy === undefined)
    return warn(check, 'Redis does not say its maxmemory-policy', `Make sure: ${advice}`);
  if (policy === 'noeviction') return ok(check, 'maxmemory-policy is noeviction');
  if (info.get('maxmemory') === '0') {
    const message = `maxmemory-policy is ${policy}; harmless only as long as there is no maxmemory`;
    return warn(check, message, advice);
  }
  return fail(check, `maxmemory-policy is ${policy}: a full Redis would throw runs away`, advice);
}

/** `appendfsync`: null where Redis does not tell. */
export function checkPersistence(info: Info, appendfsync: string | null): Finding {
  const check = 'redis.persistence';
  if (info.get('aof_enabled') === undefined) {
    return warn(check, 'Redis does not say whether it persists', 'Make sure that it does: appendonly yes.');
  }
  if (info.get('aof_enabled') !== '1') {
    const message =
      'The append-only file is off: a crash of Redis loses the runs accepted since its last snapshot';
    return warn(check, message, 'CONFIG SET appendonly yes (and the same in redis.conf).');
  }
  if (info.get('aof_last_write_status') === 'err') {
    return fail(
      check,
      'Redis cannot write its append-only file',
      'Look for a full or broken disk in its log.',
    );
  }
  if (appendfsync === 'everysec' || appendfsync === 'no') {
    const span = appendfsync === 'no' ? 'half a minute' : 'second';
    const message = `appendfsync is ${appendfsync}: when its machine crashes, Redis forgets the last ${span} of accepted runs`;
    return warn(
      check,
      message,
      'Where that is too much: CONFIG SET appendfsync always (docs/reliability.md).',
    );
  }
  return ok(check, 'The append-only file is on');
}

/** A replica that is promoted lacks what the master had not sent it. */
export function checkReplication(info: Info): Finding {
  const check = 'redis.replication';
  if (info.get('role') === 'slave')
    return fail(check, 'This Redis is a replica and takes no writes', 'Point REDIS_URL at its master.');
  if (Number(info.get('connected_slaves') ?? 0) === 0) return ok(check, 'No replica to fail over to');
  // Redis tells of it only where `min-replicas-to-write` is set.
  if (info.has('min_slaves_good_slaves'))
    return ok(check, 'Writes need a replica that keeps up (min-replicas-to-write)');
  const message = 'A master cut off from its replicas goes on accepting runs, which a failover throws away';
  return warn(
    check,
    message,
    'CONFIG SET min-replicas-to-write 1 and min-replicas-max-lag 10 (docs/reliability.md).',
  );
}

const enoughHz = 100;

export function checkHz(info: Info): Finding {
  const hz = Number(info.get('configured_hz') ?? info.get('hz'));
  const check = 'redis.hz';
  const advice = `CONFIG SET hz ${enoughHz} (and the same in redis.conf).`;
  if (!(hz > 0)) return warn(check, 'Redis does not say its hz', `Where you can: ${advice}`);
  if (hz >= enoughHz) return ok(check, `hz is ${hz}`);
  const message = `hz is ${hz}: looks may come up to ${Math.round(1000 / hz)} ms late, one tick of Redis’s clock`;
  return warn(check, message, advice);
}

const toleratedOffsetMs = 1000;

/** Deadlines and looks are set by one clock and come due by another. */
export async function checkClock(probe: Pick<RedisProbe, 'timeMs'>, nowMs: () => number): Promise<Finding> {
  const beforeMs = nowMs();
  const theirsMs = await probe.timeMs();
  const afterMs = nowMs();
  // Within the round trip nobody can tell.
  const aheadMs = theirsMs < beforeMs ? theirsMs - beforeMs : Math.max(0, theirsMs - afterMs);
  const check = 'clock';
  if (Math.abs(aheadMs) <= toleratedOffsetMs) return ok(check, 'The clocks here and at Redis agree');
  const seconds = (Math.abs(aheadMs) / 1000).toFixed(1);
  const message = `The clock here is ${seconds} s ${aheadMs > 0 ? 'behind' : 'ahead of'} that of Redis`;
  return fail(check, message, 'Let NTP set both: looks and deadlines come as much too early or too late.');
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

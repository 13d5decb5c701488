import { Script } from '../redis-sdk/script.ts';

/** Held by this activation? A lock that expired, or that another worker holds, voids the write. */
const checkLock = `
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'lost' end
`;

/** A job, and not one of BullMQ's own keys: an id such as `meta` or `events` would name those. */
const checkJob = `
  if redis.call('TYPE', KEYS[1]).ok ~= 'hash' or redis.call('HEXISTS', KEYS[1], 'data') == 0 then
    return 'missing'
  end
`;

/** Each wake is another value: only so can an activation tell the one it saw from one that came meanwhile. */
export const wakeJob = (job: string, wake: string, by: string): string => `
  redis.call('SET', ${wake}, ${by} .. ':' .. redis.call('HINCRBY', ${job}, 'wakes', 1))
`;
const setWake = (by: string): string => wakeJob('KEYS[1]', 'KEYS[2]', by);

/** KEYS: wake, job. A wake is only read: it is cleared when its activation has come to something. */
export const readSignals = new Script(`
  local fields = redis.call('HMGET', KEYS[2], 'cancelRequestedAt', 'provider', 'reply')
  return { redis.call('GET', KEYS[1]), fields[1], fields[2], fields[3] }
`);

/** KEYS: wake. ARGV: the wake as this activation read it. Another one has come since: 'again'. */
export const clearWake = new Script(`
  local wake = redis.call('GET', KEYS[1])
  if not wake then return 'none' end
  if wake ~= ARGV[1] then return 'again' end
  redis.call('DEL', KEYS[1])
  return 'none'
`);

const changeIndex = `
  if KEYS[3] ~= KEYS[4] then
    redis.call('ZREM', KEYS[3], ARGV[2])
    redis.call('ZADD', KEYS[4], ARGV[3], ARGV[2])
  end
`;

/** KEYS: lock, job, old index, new index. ARGV: token, id, accepted at, state, '1' when a create is about to go out. */
export const saveState = new Script(`
  ${checkLock}
  if ARGV[5] == '1' then redis.call('HDEL', KEYS[2], 'provider', 'reply') end
  redis.call('HSET', KEYS[2], 'progress', ARGV[4])
  ${changeIndex}
  return 'saved'
`);

/** KEYS: lock, job, old index, new index, wake. ARGV: token, id, accepted at, state, outcome, output ('' for none). */
export const commitOutcome = new Script(`
  ${checkLock}
  if redis.call('HEXISTS', KEYS[2], 'outcome') == 1 then return 'exists' end
  redis.call('HSET', KEYS[2], 'progress', ARGV[4], 'outcome', ARGV[5])
  if ARGV[6] ~= '' then redis.call('HSET', KEYS[2], 'output', ARGV[6]) end
  redis.call('ZREM', KEYS[3], ARGV[2])
  redis.call('ZADD', KEYS[4], ARGV[3], ARGV[2])
  redis.call('DEL', KEYS[5])
  return 'written'
`);

/** KEYS: job, wake. ARGV: now. The first request's time stands. */
export const requestCancel = new Script(`
  ${checkJob}
  if redis.call('HEXISTS', KEYS[1], 'outcome') == 1 then return 'ended' end
  redis.call('HSETNX', KEYS[1], 'cancelRequestedAt', ARGV[1])
  ${setWake("'caller'")}
  return 'requested'
`);

/** KEYS: job. ARGV: the new run. */
export const markRedriven = new Script(`
  ${checkJob}
  redis.call('HSETNX', KEYS[1], 'redrivenAs', ARGV[1])
  return redis.call('HGET', KEYS[1], 'redrivenAs')
`);

/** KEYS: job, wake. ARGV: who wakes. A run that has ended, or is gone, is left alone. */
export const flagWake = new Script(`
  ${checkJob}
  if redis.call('HEXISTS', KEYS[1], 'outcome') == 1 then return 'ended' end
  ${setWake('ARGV[1]')}
  return 'flagged'
`);

import { Script } from '../redis-sdk/script.ts';

const now = `
  local time = redis.call('TIME')
  local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/**
 * Who runs this call? A job whose lock was lost is given to another worker while its handler may still be running, so
 * the lock alone does not say.
 *
 * KEYS: job, workers. ARGV: worker, whether a silent owner may be taken for dead ('1').
 * `run`: this worker. `answered`: somebody has. `held`, and for how many milliseconds: its owner may be alive.
 */
export const claimCall = new Script(`
  ${now}
  if redis.call('EXISTS', KEYS[1]) == 0 then return { 'gone' } end
  local found = redis.call('HMGET', KEYS[1], 'answer', 'withdrawn', 'owner')
  if found[1] then return { 'answered', found[1] } end
  if found[2] then return { 'withdrawn' } end
  if found[3] and found[3] ~= ARGV[1] then
    local until_ = tonumber(redis.call('ZSCORE', KEYS[2], found[3]) or '0')
    if until_ > nowMs then return { 'held', until_ - nowMs } end
    if ARGV[2] ~= '1' then return { 'held', 1000 } end
  end
  redis.call('HSET', KEYS[1], 'owner', ARGV[1])
  return { 'run' }
`);

/** KEYS: job. ARGV: answer. The first answer stands; it needs no lock, since whoever has it has done the work. */
export const keepAnswer = new Script(`
  if redis.call('HEXISTS', KEYS[1], 'data') == 0 then return { 'gone' } end
  if redis.call('HSETNX', KEYS[1], 'answer', ARGV[1]) == 0 then
    return { 'known', redis.call('HGET', KEYS[1], 'answer') }
  end
  return { 'kept' }
`);

/** KEYS: job. ARGV: channel, job id. */
export const flagWithdrawn = new Script(`
  if redis.call('HEXISTS', KEYS[1], 'data') == 0 then return 'gone' end
  redis.call('HSET', KEYS[1], 'withdrawn', 1)
  if redis.call('HEXISTS', KEYS[1], 'finishedOn') == 1 then return 'finished' end
  redis.call('PUBLISH', ARGV[1], ARGV[2])
  return 'flagged'
`);

/**
 * KEYS: job, which was removed. ARGV: milliseconds. BullMQ adds no job where there is a key of its name: a runs worker that
 * stood still while the round went on must not hand the call out once more.
 */
export const keepOut = new Script(`
  if redis.call('EXISTS', KEYS[1]) == 1 then return end
  redis.call('HSET', KEYS[1], 'withdrawn', 1)
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
`);

/**
 * KEYS: workers, served. ARGV: worker, its time to live, that of the names, names… Milliseconds. Others may live longer
 * between two beats.
 */
export const beat = new Script(`
  ${now}
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', nowMs)
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', nowMs)
  redis.call('ZADD', KEYS[1], nowMs + ARGV[2], ARGV[1])
  for i = 4, #ARGV do redis.call('ZADD', KEYS[2], nowMs + ARGV[3], ARGV[i]) end
  for i = 1, 2 do
    local aliveMs = tonumber(ARGV[i + 1])
    if redis.call('PTTL', KEYS[i]) < aliveMs then redis.call('PEXPIRE', KEYS[i], aliveMs) end
  end
`);

/** KEYS: served. ARGV: name. Whether some worker has said of late that it serves this tool. */
export const isServed = new Script(`
  ${now}
  local until_ = redis.call('ZSCORE', KEYS[1], ARGV[1])
  return until_ and tonumber(until_) > nowMs and 1 or 0
`);

/**
 * Between the ids of the provider and our runs. Each script is one step that nothing comes between: so a webhook and
 * the worker that learns the id always meet, whoever comes first.
 *
 * Fields of a job that belong here: `provider` (the id that is followed now), `providers` (all there were, with their
 * accounts), `webhooks` and `webhookAt` (digests of those taken; when the last), `deaf` (followed by looks alone), `claimed` (what it
 * looks at while its create is unanswered).
 */

import { Script } from '../redis-sdk/script.ts';

/** Digests that a run remembers: more webhooks than any run has. 13 bytes each. */
const mostDigests = 40;
/** How long a webhook for an unknown id waits for the create's answer: longer than a create and its quarantine. */
const earlySeconds = 180;
const mostKept = 10_000;
/** The sender retries for 72 h. */
const foreignSeconds = 80 * 3600;
/** A run that is flagged is promoted within this time, or whoever was to do it has failed. */
const promotedMs = 3000;

/** ARGV[1], ARGV[2]: what comes before a run's id in the keys of its job and of its wake. */
const common = `
  local function isOpen(id)
    local job = ARGV[1] .. id
    return redis.call('TYPE', job).ok == 'hash' and redis.call('HEXISTS', job, 'data') == 1
      and redis.call('HEXISTS', job, 'outcome') == 0
  end
  local function wake(id)
    redis.call('SET', ARGV[2] .. id, 'webhook:' .. redis.call('HINCRBY', ARGV[1] .. id, 'wakes', 1))
  end
  local function add(digests, digest)
    return (digests .. ' ' .. digest):sub(-${mostDigests * 13})
  end
  local function link(key, id, providerId, entry, ttl)
    local before = redis.call('GET', key) or ''
    local job = ARGV[1] .. id
    redis.call('SET', key, 'run:' .. id, 'EX', ttl)
    redis.call('HSET', job, 'provider', providerId)
    local entries = redis.call('HGET', job, 'providers') or ''
    if not (entries .. ' '):find(' ' .. entry .. ' ', 1, true) then
      redis.call('HSET', job, 'providers', entries .. ' ' .. entry)
    end
    local early = before:match('^early:(.*)$')
    if early then
      redis.call('HSET', job, 'webhooks', (redis.call('HGET', job, 'webhooks') or '') .. early)
    end
    return early ~= nil
  end
  -- There is an id that nobody has claimed, for one of those that wait for theirs.
  local function wakeWaiting(quarantine, now)
    for _, waiting in ipairs(redis.call('ZRANGEBYSCORE', quarantine, '-inf', now, 'LIMIT', 0, 5)) do
      if isOpen(waiting) then
        -- The next one goes to another run.
        redis.call('ZADD', quarantine, now + 2000, waiting)
        wake(waiting)
        return waiting
      end
      redis.call('ZREM', quarantine, waiting)
    end
    return ''
  end
`;

/**
 * A webhook has come.
 * KEYS: provider, index of the runs whose create is out, index of those that may send the next one, unclaimed, foreign,
 * quarantine. ARGV: …, digest, the provider's id, now, '1' when a run could be adopted by it.
 * Returns what came of it, and the run to promote ('' for none).
 */
export const takeWebhook = new Script(`
  ${common}
  local digest, providerId, now = ARGV[3], ARGV[4], tonumber(ARGV[5])
  local known = redis.call('GET', KEYS[1]) or ''
  local id = known:match('^run:(.+)$')
  if id then
    local job = ARGV[1] .. id
    if not isOpen(id) then return { 'ended', '' } end
    if redis.call('HEXISTS', job, 'deaf') == 1 then return { 'ignored', '' } end
    local current = redis.call('HGET', job, 'provider')
    if current and current ~= providerId then return { 'ended', '' } end
    local digests = redis.call('HGET', job, 'webhooks') or ''
    if digests:find(digest, 1, true) then
      -- Its promotion may have been lost with whoever took it first: only then is the wake still there.
      local isLeft = redis.call('EXISTS', ARGV[2] .. id) == 1
      local sinceMs = now - tonumber(redis.call('HGET', job, 'webhookAt') or '0')
      return { 'duplicate', isLeft and sinceMs > ${promotedMs} and id or '' }
    end
    redis.call('HSET', job, 'webhooks', add(digests, digest), 'webhookAt', ARGV[5])
    wake(id)
    return { 'woken', id }
  end
  -- Only a run whose create is out can be behind an id that nobody knows.
  if redis.call('ZCARD', KEYS[2]) + redis.call('ZCARD', KEYS[3]) == 0 then return { 'unknown', '' } end
  local early = known:match('^early:(.*)$') or ''
  if early:find(digest, 1, true) then return { 'duplicate', '' } end
  redis.call('SET', KEYS[1], 'early:' .. add(early, digest), 'EX', ${earlySeconds})
  if ARGV[6] == '' or redis.call('ZSCORE', KEYS[5], providerId) then return { 'early', '' } end
  redis.call('ZADD', KEYS[4], 'NX', now, providerId)
  redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - ${earlySeconds} * 1000)
  redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -${mostKept} - 1)
  redis.call('EXPIRE', KEYS[4], ${earlySeconds})
  return { 'early', wakeWaiting(KEYS[6], now) }
`);

/**
 * A run learns its id at the provider; a webhook that was there before wakes it.
 * KEYS: lock, provider, unclaimed, quarantine.
 * ARGV: …, token, run, the provider's id, entry, time to live in seconds, '1' for a run that is deaf, now, and the ids that
 * it leaves to others.
 * Returns 'lost', or the run to promote ('' for none).
 */
export const linkProvider = new Script(`
  ${common}
  if redis.call('GET', KEYS[1]) ~= ARGV[3] then return 'lost' end
  local early = link(KEYS[2], ARGV[4], ARGV[5], ARGV[6], ARGV[7])
  redis.call('ZREM', KEYS[3], ARGV[5])
  redis.call('ZREM', KEYS[4], ARGV[4])
  if ARGV[8] == '1' then redis.call('HSET', ARGV[1] .. ARGV[4], 'deaf', 1)
  elseif early then wake(ARGV[4]) end
  if #ARGV == 9 then return '' end
  for at = 10, #ARGV do redis.call('ZADD', KEYS[3], 'NX', ARGV[9], ARGV[at]) end
  redis.call('EXPIRE', KEYS[3], ${earlySeconds})
  return wakeWaiting(KEYS[4], tonumber(ARGV[9]))
`);

/**
 * An unclaimed id turned out to be that of another run, which still waits for its create's answer.
 * KEYS: provider. ARGV: …, run, the provider's id, entry, time to live in seconds.
 */
export const handOver = new Script(`
  ${common}
  if not isOpen(ARGV[3]) then return 'ended' end
  local progress = redis.call('HGET', ARGV[1] .. ARGV[3], 'progress') or ''
  if not progress:find('"phase":"creating"', 1, true) then return 'known' end
  link(KEYS[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6])
  wake(ARGV[3])
  return 'handed'
`);

/**
 * A free one, newer than `since`: it is this run's to look at, and stays so if its worker dies before the state says it.
 * KEYS: unclaimed, foreign, job. ARGV: since, now, which of the run's looks it is for.
 */
export const claim = new Script(`
  local look, mine = (redis.call('HGET', KEYS[3], 'claimed') or ''):match('^(%S+) (.+)$')
  if look == ARGV[3] then return mine end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '+inf', 'LIMIT', 0, 1)) do
    redis.call('ZREM', KEYS[1], id)
    redis.call('ZADD', KEYS[2], ARGV[2], id)
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[2] - ${foreignSeconds} * 1000)
    redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -${mostKept} - 1)
    redis.call('EXPIRE', KEYS[2], ${foreignSeconds})
    redis.call('HSET', KEYS[3], 'claimed', ARGV[3] .. ' ' .. id)
    return id
  end
  return false
`);

/**
 * A run waits for an id that may be its own; one that is there already wakes it.
 * KEYS: quarantine, unclaimed. ARGV: …, run, from when on, since, now.
 */
export const joinQuarantine = new Script(`
  ${common}
  redis.call('ZADD', KEYS[1], ARGV[4], ARGV[3])
  redis.call('EXPIRE', KEYS[1], 3600)
  local isFree = redis.call('ZCOUNT', KEYS[2], ARGV[5], '+inf') > 0
  if isFree and tonumber(ARGV[4]) <= tonumber(ARGV[6]) then wake(ARGV[3]) end
`);

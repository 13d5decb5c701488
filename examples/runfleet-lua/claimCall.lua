-- claimCall of runfleet: made by npm run generate from src/adapters/tools/scripts.ts.

  
  local time = redis.call('TIME')
  local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

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

-- beat of runfleet: made by npm run generate from src/adapters/tools/scripts.ts.

  
  local time = redis.call('TIME')
  local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', nowMs)
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', nowMs)
  redis.call('ZADD', KEYS[1], nowMs + ARGV[2], ARGV[1])
  for i = 4, #ARGV do redis.call('ZADD', KEYS[2], nowMs + ARGV[3], ARGV[i]) end
  for i = 1, 2 do
    local aliveMs = tonumber(ARGV[i + 1])
    if redis.call('PTTL', KEYS[i]) < aliveMs then redis.call('PEXPIRE', KEYS[i], aliveMs) end
  end

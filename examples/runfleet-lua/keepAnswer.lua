-- keepAnswer of runfleet: made by npm run generate from src/adapters/tools/scripts.ts.

  if redis.call('HEXISTS', KEYS[1], 'data') == 0 then return { 'gone' } end
  if redis.call('HSETNX', KEYS[1], 'answer', ARGV[1]) == 0 then
    return { 'known', redis.call('HGET', KEYS[1], 'answer') }
  end
  return { 'kept' }

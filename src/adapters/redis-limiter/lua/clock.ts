/** Where the script takes its time and its epoch from: Redis itself. Tests put another snippet in its place. */
export const redisClockLua = `
local function readClock()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end
-- Another replication id means a restart or a promotion: the last writes may be missing. Without the right to ask,
-- only a missing state is noticed.
local function readEpoch()
  local info = redis.pcall('INFO', 'replication')
  if type(info) ~= 'string' then return '0' end
  return string.match(info, 'master_replid:(%w+)') or '0'
end
`;

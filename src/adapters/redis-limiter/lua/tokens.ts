/** `domain/limiter/tokens.ts` in Lua. Each reservation is a key of its own that expires with its bucket. */
export const tokensLua = `
local reservationKeys = {}

local function ratioOf()
  return s.tokensAsked > 0 and math.max(0.05, s.tokensUsed / s.tokensAsked) or 0.25
end

local function toReserve(ask, limit)
  local scaled = limit > 0 and math.min(limit, math.ceil(ask.tokens * ratioOf())) or 0
  return math.max(ask.tokens, scaled)
end

local function settleTokens(id, used)
  local k = reservationKeys[id]
  local text = k and redis.call('GET', k)
  if not text then return end
  redis.call('DEL', k)
  local r = numbers(text)
  if r[3] <= now then return end
  if used > 0 then
    s.tokensUsed = s.tokensUsed * (15 / 16) + used
    s.tokensAsked = s.tokensAsked * (15 / 16) + (r[4] or r[2])
  end
  addTokens(r[1], used - r[2])
end

local function tokensFreeAt(atMost)
  local list, left, at = {}, 0, now
  for _, cell in ipairs(tokenCells()) do
    if leavesUs(cell[1]) > now then
      list[#list + 1] = cell
      left = left + cell[2]
    end
  end
  for _, cell in ipairs(list) do
    if left <= atMost then break end
    left = left - cell[2]
    at = leavesUs(cell[1])
  end
  return at
end

-- Nil when the tokens are there; else when to come back.
local function waitForTokens(ask)
  local limit = tokenLimitNow()
  if limit <= 0 then return nil end
  settleTokens(ask.id, 0)
  local isNext = s.holdUntil <= now or s.holdId == ask.id
  local own = toReserve(ask, limit)
  local need = math.min(own + (isNext and 0 or s.holdTokens), limit)
  local at = tokensFreeAt(limit - need)
  if at <= now then
    if s.holdId == ask.id then s.holdUntil = 0 end
    return nil
  end
  local gap = math.ceil(math.min(terms.windowUs, (ask.tokens * ratioOf() * terms.windowUs) / limit))
  s.tokensGap = gap
  local soon = now + math.min(math.max(gap, bucketUs()), 3 * bucketUs())
  if ask.kind == 'returning' and isNext then
    at = math.min(at, soon)
    s.holdId, s.holdTokens, s.holdUntil = ask.id, math.min(own, limit), at + bucketUs() * 3
    return at
  end
  local queue = ask.kind == 'returning' and 'tokensAgain' or 'tokensFresh'
  at = math.max(s[queue], soon)
  local farthest = now + terms.horizonUs
  if at > farthest then return farthest end
  s[queue] = at + gap
  return at
end

local function reserve(ask, slot)
  local bucket = bucketOf(slot)
  local amount = toReserve(ask, tokenLimitNow())
  addTokens(bucket, amount)
  local expires = leavesUs(bucket)
  local k = reservationKeys[ask.id]
  redis.call('SET', k, join({ bucket, amount, expires, ask.tokens }), 'PX', math.ceil((expires - now) / 1000))
end
`;

/** `domain/limiter/spacing.ts`, `limit.ts` and `learning.ts` in Lua. */
export const limitLua = `
local function headroomOf(limit)
  local least = terms.headroomShare > 0 and limit >= 150 and 1 or 0
  return math.max(least, math.floor(limit * terms.headroomShare))
end

local function spacingUs(calls)
  return math.ceil((terms.windowUs * terms.windowUs) / (calls * (terms.windowUs - terms.jitterUs)))
end

local function reachUs(spacing)
  return math.ceil(math.min(math.max(terms.bookUs, 40 * spacing), 3 * terms.bookUs, terms.windowUs / 10))
end

local function ceilingOf()
  if terms.requests == 0 then return 0 end
  if s.learned <= 0 then return terms.requests end
  if terms.requests > 0 then return math.min(terms.requests, s.learned) end
  return s.learned
end

local function fading(amount, at)
  return amount * math.max(0, 1 - (now - at) / (terms.windowUs / 3))
end

local function isKnown() return ceilingOf() >= 0 or s.cutAt > 0 end

local function limitNow()
  local ceiling = ceilingOf()
  if ceiling == 0 then return 0 end
  if ceiling < 0 then return math.max(1, math.floor(s.rate > 0 and s.rate or terms.initialRequests)) end
  local limit = ceiling
  if s.rate > 0 then limit = math.min(limit, s.rate) end
  local foreign = fading(s.foreign, s.foreignAt)
  if foreign > ceiling * 0.03 then limit = math.min(limit, ceiling - foreign - ceiling * 0.04) end
  if s.bucketUntil > now then
    local level = math.min(1, s.level + (now - s.levelAt) / terms.windowUs)
    limit = math.min(limit, ceiling * math.min(1, 2 * level))
  end
  return math.max(1, math.floor(math.max(limit, ceiling * 0.05)))
end

local function tokenLimitNow()
  if terms.tokens == 0 or (terms.tokens < 0 and s.tokensLearned <= 0) then return 0 end
  local limit = terms.tokens > 0 and terms.tokens or s.tokensLearned
  if s.tokensLearned > 0 then limit = math.min(limit, s.tokensLearned) end
  local foreign = fading(s.tokensForeign, s.tokensForeignAt)
  return math.max(limit * 0.05, foreign > limit * 0.03 and limit - foreign or limit)
end

local function riseRate(isAsked, isFull)
  local ceiling = ceilingOf()
  if ceiling < 0 and s.rate == 0 and isAsked then s.rate = terms.initialRequests end
  if s.rate == 0 then return end
  local since = math.max(0, math.min(now - s.rateAt, 1000000))
  s.rateAt = now
  if isAsked and isFull then
    local perWindow = (0.5 * terms.windowUs) / 1000000
    s.rate = math.min(1e9, s.rate + (perWindow * since) / 1000000)
  end
  if ceiling > 0 and s.rate >= ceiling then s.rate = 0 end
end

local function layOutShared(isThrottled)
  local limit, ceiling, before = limitNow(), ceilingOf(), s.limits[1]
  local isDrop = limit > 0 and before > 0 and limit < before
  local mustWait = isDrop and (ceiling ~= s.ceiling or limit < 0.9 * before)
  if isThrottled then
    mustWait = limit > 0
    voidSlots(bucketOf(now) + 1, math.huge)
  end
  if mustWait then
    local calls = limit - headroomOf(limit)
    local start = startAfterDrop(callsByBucket(isShared), calls, spacingUs(calls))
    s.next[1] = math.max(s.next[1], start)
    s.fencedUntil = math.max(s.fencedUntil, start)
    s.free = {}
    if isThrottled then s.pausedUntil = math.max(s.pausedUntil, math.min(s.next[1], now + terms.windowUs)) end
  end
  if not isDrop or mustWait then s.limits[1] = limit end
  s.ceiling = ceiling
  return limit
end

local function layOutOwn(c)
  local limit, before = terms.classRequests[c], s.limits[c + 1]
  if limit > 0 and limit < before then
    local list = callsByBucket(function(other) return other == c end)
    s.next[c + 1] = math.max(s.next[c + 1], startAfterDrop(list, limit, spacingUs(limit)))
  end
  s.limits[c + 1] = limit
  return limit
end

local function learn(seen)
  if seen.limitRequests > 0 then
    if ceilingOf() < 0 then s.rate = 0 end
    if s.learned <= 0 or seen.limitRequests <= s.learned or now - s.learnedAt > terms.windowUs / 6 then
      s.learned, s.learnedAt = seen.limitRequests, now
    end
    if seen.remainingRequests >= 0 then
      local used = seen.limitRequests - seen.remainingRequests
      local own = usedBetween(callsByBucket(isShared), seen.atUs - terms.windowUs, seen.atUs)
      local forgets = own > 0.5 * seen.limitRequests and used < 0.3 * own and seen.remainingRequests > 0
      if forgets then s.bucketUntil = now + 10 * terms.windowUs end
      if s.bucketUntil > now then
        s.level, s.levelAt = seen.remainingRequests / seen.limitRequests, seen.atUs
      else
        local foreign = math.max(0, used - own)
        if foreign >= fading(s.foreign, s.foreignAt) then s.foreign, s.foreignAt = foreign, now end
      end
    end
  end
  if seen.limitTokens > 0 then
    s.tokensLearned = seen.limitTokens
    if seen.remainingTokens >= 0 then
      local own = usedBetween(tokenCells(), seen.atUs - terms.windowUs, seen.atUs)
      local foreign = math.max(0, seen.limitTokens - seen.remainingTokens - own)
      if foreign >= fading(s.tokensForeign, s.tokensForeignAt) then
        s.tokensForeign, s.tokensForeignAt = foreign, now
      end
    end
  end
  local isLower = false
  if seen.throttles > 0 and now - s.yieldedAt >= 2000000 then
    s.yieldedAt = now
    if seen.limitRequests > 0 and seen.remainingRequests <= 0.02 * seen.limitRequests then
      local known = fading(s.foreign, s.foreignAt)
      s.foreign, s.foreignAt = math.min(seen.limitRequests, known + 0.1 * seen.limitRequests), now
      isLower = true
    elseif seen.limitTokens > 0 then
      local known = fading(s.tokensForeign, s.tokensForeignAt)
      s.tokensForeign, s.tokensForeignAt = math.min(seen.limitTokens, known + 0.1 * seen.limitTokens), now
    end
  end
  if seen.bareThrottles > 0 and now - s.cutAt >= 2000000 and ceilingOf() ~= 0 then
    local before = limitNow()
    if ceilingOf() < 0 and s.rate == 0 then
      local sent = usedBetween(callsByBucket(isShared), now - terms.windowUs, now)
      before = math.max(sent, terms.initialRequests / 10)
    end
    s.rate, s.rateAt, s.cutAt = math.max(1, before * 0.7), now, now
    isLower = true
  end
  return isLower
end
`;

/** `domain/limiter/step.ts` in Lua: one trip. */
export const stepLua = `
local LONGEST_PAUSE, MOST_FREE, BUSY = 3600000000, 256, 2000000
local KINDS = { 'fresh', 'returning' }
local UNLIMITED = { at = -1, spacing = 0, reach = 0, headroom = 0 }

local function gridFor(at, limit)
  if limit == 0 then return UNLIMITED end
  local headroom = at == 0 and headroomOf(limit) or 0
  local spacing = spacingUs(limit - headroom)
  return { at = at, spacing = spacing, reach = reachUs(spacing), headroom = headroom }
end

local function fence()
  s.epoch = epoch
  s.fencedUntil = now + terms.fenceUs
  for i = 1, 6 do s.next[i] = s.fencedUntil end
  s.debts, s.free = {}, {}
  for i = 1, CLASSES do s.share[i], s.fresh[i], s.again[i] = 0, 0, 0 end
  s.tokensFresh, s.tokensAgain = 0, 0
end

local function takeBack(back)
  for _, text in ipairs(back) do
    local slot, known = tonumber(text), false
    for _, other in ipairs(s.free) do known = known or other == slot end
    if slot > now and slot < s.next[1] and not known and #s.free < MOST_FREE then s.free[#s.free + 1] = slot end
  end
  table.sort(s.free)
end

local function pause(untilUs)
  if untilUs <= s.pausedUntil then return end
  voidSlots(bucketOf(now) + 1, bucketOf(untilUs) - 1)
  s.pausedUntil = untilUs
  for i = 1, 6 do s.next[i] = math.max(s.next[i], untilUs) end
  s.free = {}
end

local function tidy(shared)
  local debts = {}
  for _, at in ipairs(s.debts) do if at > now then debts[#debts + 1] = at end end
  s.debts = debts
  s.pausedUntil = math.min(s.pausedUntil, now + LONGEST_PAUSE)
  s.fencedUntil = math.min(s.fencedUntil, now + terms.fenceUs + 2 * terms.windowUs)
  local base = math.max(now, s.pausedUntil)
  for i = 1, 6 do s.next[i] = math.min(s.next[i], base + 2 * terms.windowUs) end
  s.tokensFresh = math.min(s.tokensFresh, base + 2 * terms.horizonUs)
  s.tokensAgain = math.min(s.tokensAgain, base + 2 * terms.horizonUs)
  for i = 1, CLASSES do
    s.fresh[i] = math.min(s.fresh[i], base + 2 * terms.horizonUs)
    s.again[i] = math.min(s.again[i], base + 2 * terms.horizonUs)
    s.share[i] = math.min(s.share[i], now + 2 * shared.reach)
  end
end

key, terms = KEYS[1], cjson.decode(ARGV[1])
local request, channel = cjson.decode(ARGV[2]), ARGV[3]
now, epoch = readClock(), readEpoch()
for i, id in ipairs(request.ids) do reservationKeys[id] = KEYS[i + 1] end

local existed = load()
local fenced = not existed or s.epoch ~= epoch
if fenced then fence() end
for c = 1, CLASSES do
  if request.sent[c] > 0 then countCalls(c, now, request.sent[c]) end
end
for _, e in ipairs(request.settle) do settleTokens(e[1], e[2]) end
local pausedBefore = s.pausedUntil
local isThrottled = request.seen and learn(request.seen)
local isAsked = false
for _, a in ipairs(request.asks) do isAsked = isAsked or isShared(a[1] + 1) end
riseRate(isAsked, s.next[1] > now)
local limit = layOutShared(isThrottled)
local shared = gridFor(0, limit)
if limit > 0 and (s.ceiling < 0 or limit < s.ceiling) then shared.horizon = math.ceil(terms.horizonUs / 4) end
if request.backEpoch == epoch then takeBack(request.back) end
if request.pauseUs > 0 then pause(now + math.min(request.pauseUs, LONGEST_PAUSE)) end
tidy(shared)
local own = {}
for c = 1, CLASSES do own[c] = gridFor(c, layOutOwn(c)) end
if fenced then
  s.next[1] = s.next[1] + shared.spacing
  for c = 1, CLASSES do s.next[c + 1] = s.next[c + 1] + own[c].spacing end
end

local asks = {}
for i, a in ipairs(request.asks) do
  asks[i] = { class = a[1] + 1, kind = KINDS[a[2] + 1], tokens = a[3], id = a[4] }
  s.asked[a[1] + 1] = now
end
local busyWeight = 0
for c = 1, CLASSES do
  local busy = s.asked[c] > now - BUSY or s.fresh[c] > now
  if busy and isShared(c) then busyWeight = busyWeight + terms.weights[c] end
end

local answers = {}
for i, ask in ipairs(asks) do
  local isToken = ask.tokens > 0
  local wait = nil
  if isToken and s.pausedUntil <= now then wait = waitForTokens(ask) end
  local code, at = TOKENS, wait
  if not wait then
    local c, grid = ask.class, own[ask.class]
    if grid.at < 0 and isShared(c) then grid = shared end
    local weight = terms.weights[c]
    code, at = book(grid, ask, math.max(busyWeight, weight, 1), math.max(weight, 1))
    if isToken and code == SLOT then reserve(ask, at) end
  end
  answers[2 * i - 1] = code
  answers[2 * i] = at - now
end
local ahead = math.max(0, (s.free[1] or s.next[1]) - now)
-- A pause at once; and now and then that all is well, which saves the others a trip to hear it.
local isPause = s.pausedUntil > pausedBefore and s.pausedUntil > now
if isPause or math.abs(now - s.toldAt) > terms.fenceUs / 4 then
  s.toldAt = now
  redis.call('PUBLISH', channel, epoch .. ' ' .. show(s.pausedUntil) .. ' ' .. show(now) .. ' ' .. show(ahead))
end
save(86400000)
return { show(now), epoch,
  cjson.encode({ math.max(0, s.pausedUntil - now), shared.spacing, shared.reach, isKnown() and limit or 0, ahead }),
  #answers > 0 and cjson.encode(answers) or '[]' }
`;

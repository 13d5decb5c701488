/** `domain/limiter/booking.ts` in Lua. An answer is `{code, microseconds from now}`; see `codec.ts`. */
export const bookingLua = `
local SLOT, QUOTA, PAUSED, TOKENS, FAR = 1, 2, 3, 4, 5

local function later(grid, ask, notBefore, code)
  local c = ask.class
  local queue = ask.kind == 'returning' and s.again or s.fresh
  local at = math.max(queue[c], notBefore, now)
  local farthest = math.max(now, s.pausedUntil) + (grid.horizon or terms.horizonUs)
  if at > farthest then
    return code == PAUSED and FAR + 1 or FAR, farthest
  end
  queue[c] = at + (grid.at < 0 and 0 or math.max(s.gap[c], grid.spacing))
  return code, at
end

local function slotAt(c, at)
  countCalls(c, at, 1)
  return SLOT, at
end

local function earliestSlot(grid)
  local frontier = math.max(s.next[grid.at + 1], now)
  if grid.at ~= 0 then return frontier end
  while #s.free > 0 and s.free[1] < now do table.remove(s.free, 1) end
  return math.min(s.free[1] or frontier, frontier)
end

local function takeSlot(grid, slot)
  if grid.at == 0 and s.free[1] == slot then table.remove(s.free, 1)
  else s.next[grid.at + 1] = slot + grid.spacing end
end

local function bookUrgent(grid, ask)
  local start = earliestSlot(grid)
  if grid.at == 0 and start > now + grid.spacing and s.fencedUntil <= now and #s.debts < grid.headroom then
    s.debts[#s.debts + 1] = start
    takeSlot(grid, start)
    return slotAt(ask.class, now)
  end
  local limit = now + 3 * grid.reach
  if start > limit then
    s.gap[ask.class] = grid.spacing
    return later(grid, ask, now + (start - limit), QUOTA)
  end
  takeSlot(grid, start)
  return slotAt(ask.class, start)
end

local function book(grid, ask, active, own)
  local c, kind = ask.class, ask.kind
  if s.pausedUntil > now then return later(grid, ask, s.pausedUntil, PAUSED) end
  if grid.at < 0 then return slotAt(c, now) end
  if c == 3 or c == 4 then return bookUrgent(grid, ask) end
  local start = earliestSlot(grid)

  local gap = grid.at == 0 and math.ceil(grid.spacing * (active / own)) or grid.spacing
  s.gap[c] = gap
  local queued = s.fresh[c] > now
  local ahead = 1.5 * grid.reach
  if kind == 'fresh' then ahead = grid.reach end
  if grid.at == 0 and s.share[c] <= now + grid.reach then ahead = 2.5 * grid.reach end
  local limit = now + ahead
  if start > limit then return later(grid, ask, now + (start - limit) + grid.reach / 4, QUOTA) end
  if kind == 'fresh' and queued and start > now + 0.9 * grid.reach then return later(grid, ask, now, QUOTA) end

  takeSlot(grid, start)
  if grid.at == 0 then
    local sum = 0
    for i = 1, CLASSES do sum = sum + terms.weights[i] end
    local weight = terms.weights[c]
    s.share[c] = math.min(math.max(s.share[c], now), now + 1.5 * grid.reach) + math.ceil(grid.spacing * (sum / weight))
  end
  return slotAt(c, start)
end
`;

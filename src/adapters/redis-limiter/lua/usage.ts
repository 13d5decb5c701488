/** `domain/limiter/usage.ts` in Lua. */
export const usageLua = `
local function bucketUs() return math.ceil(terms.windowUs / 60) end
local function bucketOf(at) return math.floor(at / bucketUs()) end
local function leavesUs(bucket) return (bucket + 1) * bucketUs() + terms.windowUs + terms.jitterUs end

local function countCalls(c, slot, count)
  local bucket = bucketOf(slot)
  local at = bucket % RING
  local cell = cellAt(cells, 'u', at)
  if cell[1] ~= bucket then
    cell = { bucket, 0, 0, 0, 0, 0 }
    cells[at] = cell
  end
  cell[c + 1] = cell[c + 1] + count
  touched['u' .. at] = cell
end

local function isShared(c) return terms.free[c] == 0 and terms.classRequests[c] == 0 end

local function voidSlots(first, last)
  loadRing(cells, 'u')
  for at = 0, RING - 1 do
    local cell = cells[at]
    if cell[1] and cell[1] >= first and cell[1] <= last then
      cells[at] = { cell[1], 0, 0, 0, 0, 0 }
      touched['u' .. at] = cells[at]
    end
  end
end

-- Latest first: { bucket, amount }.
local function callsByBucket(inGrid)
  loadRing(cells, 'u')
  local list = {}
  for at = 0, RING - 1 do
    local cell = cells[at]
    if cell[1] then
      local amount = 0
      for c = 1, CLASSES do if inGrid(c) then amount = amount + cell[c + 1] end end
      list[#list + 1] = { cell[1], amount }
    end
  end
  table.sort(list, function(a, b) return a[1] > b[1] end)
  return list
end

local function usedBetween(list, from, at)
  local first, last, sum = math.ceil(from / bucketUs()), bucketOf(at), 0
  for _, e in ipairs(list) do
    if e[1] >= first and e[1] <= last then sum = sum + e[2] end
  end
  return sum
end

local function startAfterDrop(list, calls, spacing)
  local start, old = 0, 0
  for _, e in ipairs(list) do
    if e[2] ~= 0 then
      old = old + e[2]
      start = math.max(start, leavesUs(e[1]) - math.max(0, calls - old - 1) * spacing)
    end
  end
  return start
end

-- Earliest first: { bucket, tokens }.
local function tokenCells()
  loadRing(tokens, 't')
  local list = {}
  for at = 0, RING - 1 do
    if tokens[at][1] then list[#list + 1] = tokens[at] end
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

local function addTokens(bucket, amount)
  local at = bucket % RING
  local cell = cellAt(tokens, 't', at)
  if cell[1] and cell[1] > bucket then return end
  local before = cell[1] == bucket and cell[2] or 0
  tokens[at] = { bucket, math.max(0, before + amount) }
  touched['t' .. at] = tokens[at]
end
`;

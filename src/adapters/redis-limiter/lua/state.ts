/** The account's state in its hash: read whole at the start, what changed is written at the end. */
export const stateLua = `
local CLASSES, RING = 5, 80
local scalars = { 'fencedUntil', 'pausedUntil', 'learned', 'learnedAt', 'ceiling', 'rate', 'rateAt', 'cutAt',
  'foreign', 'foreignAt', 'yieldedAt', 'bucketUntil', 'level', 'levelAt', 'tokensLearned', 'tokensForeign', 'tokensForeignAt',
  'tokensFresh', 'tokensAgain', 'tokensGap', 'tokensUsed', 'tokensAsked', 'holdTokens', 'holdUntil', 'toldAt' }
local texts = { 'epoch', 'holdId' }
local lists = { 'debts', 'free' }
local vectors = { limits = 6, next = 6, share = 5, fresh = 5, again = 5, asked = 5, gap = 5 }
local vectorNames = { 'limits', 'next', 'share', 'fresh', 'again', 'asked', 'gap' }

local key, now, epoch, terms
local s, original, cells, tokens, touched = {}, {}, {}, {}, {}

-- Lua by itself would shorten a number to 14 digits.
local function show(n)
  if n % 1 == 0 and n < 9e15 then return string.format('%d', n) end
  return string.format('%.17g', n)
end

local function numbers(text)
  local list = {}
  for word in string.gmatch(text or '', '[^,]+') do list[#list + 1] = tonumber(word) end
  return list
end

local function join(list)
  local words = {}
  for i = 1, #list do words[i] = show(list[i]) end
  return table.concat(words, ',')
end

-- One hash: scalars and texts by name, vectors and lists joined, ring cells as 'bucket,count,...'.
local names = {}
for _, group in ipairs({ scalars, texts, lists, vectorNames }) do
  for _, n in ipairs(group) do names[#names + 1] = n end
end

local function load()
  local raw = redis.call('HMGET', key, unpack(names))
  for i = 1, #names do original[names[i]] = raw[i] end
  for _, n in ipairs(scalars) do
    s[n] = tonumber(original[n] or 0)
    original[n] = original[n] and s[n]
  end
  for _, n in ipairs(texts) do s[n] = original[n] or '' end
  for _, n in ipairs(lists) do s[n] = numbers(original[n] or '') end
  for _, n in ipairs(vectorNames) do
    local list, copy = numbers(original[n] or ''), {}
    for i = 1, vectors[n] do
      list[i] = list[i] or 0
      copy[i] = list[i]
    end
    s[n] = list
    original[n] = original[n] and copy
  end
  return original.epoch ~= false
end

-- Writing numbers out is what costs most here, so only what changed is written.
local function save(ttlMs)
  local args = {}
  local function put(n, text)
    args[#args + 1] = n
    args[#args + 1] = text
  end
  for _, n in ipairs(scalars) do if original[n] ~= s[n] then put(n, show(s[n])) end end
  for _, n in ipairs(texts) do if original[n] ~= s[n] then put(n, s[n]) end end
  for _, n in ipairs(lists) do
    local text = join(s[n])
    if original[n] ~= text then put(n, text) end
  end
  for _, n in ipairs(vectorNames) do
    local now, before = s[n], original[n]
    local same = before ~= false
    for i = 1, #now do same = same and now[i] == before[i] end
    if not same then put(n, join(now)) end
  end
  for field, cell in pairs(touched) do put(field, join(cell)) end
  if #args > 0 then redis.call('HSET', key, unpack(args)) end
  redis.call('PEXPIRE', key, ttlMs)
end

-- Ring cells: loaded one by one where a call is counted, all together where a sum is needed.
local function cellAt(store, prefix, at)
  if store[at] == nil then
    store[at] = numbers(redis.call('HGET', key, prefix .. at) or '')
  end
  return store[at]
end

local function loadRing(store, prefix)
  if store.all then return end
  local names = {}
  for at = 0, RING - 1 do names[at + 1] = prefix .. at end
  local raw = redis.call('HMGET', key, unpack(names))
  for at = 0, RING - 1 do
    if store[at] == nil then store[at] = numbers(raw[at + 1] or '') end
  end
  store.all = true
end
`;

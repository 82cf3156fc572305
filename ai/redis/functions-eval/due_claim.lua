local function milliseconds()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function wrong_type(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= kind then
    return redis.error_reply('WRONGTYPE ' .. key .. ' holds a ' .. found .. ', not a ' .. kind)
  end
end

local function positive(...)
  for i = 1, select('#', ...) do
    local number = tonumber((select(i, ...)))
    if not number or number < 1 or number ~= math.floor(number) then return false end
  end
  return true
end

-- due_claim
-- For buzzroom:v1:due:<bucket>
-- Serves US-009.2 (prd.md:79), US-010 (prd.md:81), US-011 (prd.md:85), US-011.1 (prd.md:87) and 4 more
-- KEYS target
-- ARGV claim_ms batch
-- Returns entry, claimed_until, entry, claimed_until … of what is due, at most batch. A claimed entry is due again when its
-- claim ends, so the work of a worker that died is found by the next one; no two workers get one entry.
local function due_claim(keys, args)
  if not positive(args[1], args[2]) then return redis.error_reply('BADARG due_claim: claim_ms batch') end
  local wrong = wrong_type(keys[1], 'zset')
  if wrong then return wrong end
  local now, found = milliseconds(), {}
  local later = string.format('%.0f', now + tonumber(args[1]))
  local due = redis.call('ZRANGEBYSCORE', keys[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, args[2])
  for _, entry in ipairs(due) do
    redis.call('ZADD', keys[1], 'XX', later, entry)
    found[#found + 1] = entry
    found[#found + 1] = later
  end
  return found
end

return due_claim(KEYS, ARGV)

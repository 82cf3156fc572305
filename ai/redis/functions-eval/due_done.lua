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

-- due_done
-- For buzzroom:v1:due:<bucket>
-- Serves US-009.2 (prd.md:79), US-010 (prd.md:81), US-011 (prd.md:85), US-011.1 (prd.md:87) and 4 more
-- KEYS target
-- ARGV entry claimed_until
-- Returns 1, or 0 where the entry got another deadline or another worker's claim meanwhile: then it stays.
-- Flags allow-oom
local function due_done(keys, args)
  if not args[1] or not positive(args[2]) then return redis.error_reply('BADARG due_done: entry claimed_until') end
  local wrong = wrong_type(keys[1], 'zset')
  if wrong then return wrong end
  local score = redis.call('ZSCORE', keys[1], args[1])
  if not score or tonumber(score) ~= tonumber(args[2]) then return 0 end
  return redis.call('ZREM', keys[1], args[1])
end

return due_done(KEYS, ARGV)

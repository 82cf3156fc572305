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

-- rate_hit
-- For buzzroom:v1:rate:<action>:<subject>:<window>
-- Serves US-028 (prd.md:152)
-- KEYS target
-- ARGV limit ttl_s
-- Returns {count, 1} while the count is within limit, {count, 0} beyond it. The counter is made with its TTL, and gets one
-- where it has none.
local function rate_hit(keys, args)
  if not positive(args[1], args[2]) then return redis.error_reply('BADARG rate_hit: limit ttl_s') end
  local wrong = wrong_type(keys[1], 'string')
  if wrong then return wrong end
  local count = redis.call('INCR', keys[1])
  if redis.call('PTTL', keys[1]) < 0 then redis.call('EXPIRE', keys[1], args[2]) end
  return {count, count <= tonumber(args[1]) and 1 or 0}
end

return rate_hit(KEYS, ARGV)

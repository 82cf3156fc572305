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

-- gateway_add
-- For buzzroom:v1:gateway:<node_id>
-- Serves US-019 (prd.md:115), US-019.2 (prd.md:118), US-027 (prd.md:149), R-caddd (prd.md:162)
-- KEYS target
-- ARGV entry ttl_s
-- Returns 1 where the entry is new, else 0. The TTL is set again in the same step.
local function gateway_add(keys, args)
  if (args[1] or '') == '' or not positive(args[2]) then return redis.error_reply('BADARG gateway_add: entry ttl_s') end
  local wrong = wrong_type(keys[1], 'set')
  if wrong then return wrong end
  local new = redis.call('SADD', keys[1], args[1])
  redis.call('EXPIRE', keys[1], args[2])
  return new
end

return gateway_add(KEYS, ARGV)

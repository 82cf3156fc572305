local function clock()
  local t = redis.call('TIME')
  return string.format('%.0f', tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000))
end

-- The session's epoch and version, or nil where it is gone or ended.
local function position(state)
  local f = redis.call('HMGET', state, 'epoch', 'version', 'status')
  if not f[1] or f[3] == 'ended' then return nil end
  return f[1], tonumber(f[2])
end

local function refresh(keys, ttl)
  for i = 1, #keys do
    if redis.call('PTTL', keys[i]) < ttl * 500 then redis.call('EXPIRE', keys[i], ttl) end
  end
end

-- session_heartbeat
-- Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 23 more
-- KEYS state presence ...
-- ARGV member now_ms lease_ms ttl_s
-- Returns 1, or -1: no session, or the lease was swept, so the connection must join again.
local function session_heartbeat(keys, args)
  local lease, ttl = tonumber(args[3]), tonumber(args[4])
  if not lease or not ttl then
    return redis.error_reply('BADARG session_heartbeat: member now_ms lease_ms ttl_s')
  end
  if not position(keys[1]) or not redis.call('ZSCORE', keys[2], args[1]) then return -1 end
  local now = tonumber(args[2]) or tonumber(clock())
  redis.call('ZADD', keys[2], 'GT', string.format('%.0f', now + lease), args[1])
  refresh(keys, ttl)
  return 1
end

return session_heartbeat(KEYS, ARGV)

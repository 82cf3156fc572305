local LAST_VERSION = 9007199254740991

local function clock()
  local t = redis.call('TIME')
  return string.format('%.0f', tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000))
end

-- The first key whose value has another type than its use, as an error reply; nil when all fit.
local function misfit(keys, types)
  for i = 1, #types do
    local found = redis.call('TYPE', keys[i]).ok
    if found ~= 'none' and found ~= types[i] then
      return redis.error_reply('WRONGTYPE ' .. keys[i] .. ' holds a ' .. found .. ', not a ' .. types[i])
    end
  end
end

local function log_form(text)
  local entries, form = string.match(text, '^(%d+)%s*(%a*)$')
  return tonumber(entries), form == 'stream' and 'stream' or 'list'
end

local function is_json(text)
  return (pcall(cjson.decode, text))
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

local function broadcast(channel, message)
  if channel == '' then return end
  local name = string.match(channel, '^(%S+) sharded$')
  if name then redis.call('SPUBLISH', name, message) else redis.call('PUBLISH', channel, message) end
end

local function envelope(epoch, version, kind, op, data, now)
  return '{"e":"' .. epoch .. '","v":' .. string.format('%.0f', version) .. ',"ts":' .. now .. ',"t":' ..
    cjson.encode(kind) .. ',"op":' .. cjson.encode(op) .. ',"d":' .. (data == '' and 'null' or data) .. '}'
end

-- Version + 1, log, publish: the three that must never come apart.
local function advance(state, log, epoch, version, kind, op, data, channel, log_max)
  local next_version, now = version + 1, clock()
  redis.call('HSET', state, 'version', string.format('%.0f', next_version), 'updated_at', now)
  local message = envelope(epoch, next_version, kind, op, data, now)
  local entries, form = log_form(log_max)
  if form == 'stream' then
    -- the version is the entry's id, so a range of versions is a range of ids
    redis.call('XADD', log, 'MAXLEN', entries, string.format('%.0f-0', next_version), 'm', message)
  else
    redis.call('RPUSH', log, message)
    redis.call('LTRIM', log, -entries, -1)
  end
  broadcast(channel, message)
  return next_version
end

local function member_of(connection)
  return string.match(connection, '^(.-)#') or connection
end

-- The member's leases, the one that ends first in front. A session's leases are bounded by its capacity.
local function leases(presence, member)
  local mine = {}
  for _, c in ipairs(redis.call('ZRANGE', presence, 0, -1)) do
    if member_of(c) == member then mine[#mine + 1] = c end
  end
  return mine
end

-- session_join
-- Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 18 more
-- KEYS state roster presence log ...
-- ARGV member data capacity now_ms lease_ms ttl_s channel [log_max] [connections_max]
-- Returns the version, or -1 no session, -2 full. A re-join takes no second seat, and changes the version only when
-- the member's data changed or its oldest connection was taken over (more than connections_max, default 2).
local function session_join(keys, args)
  local connection, data, capacity = args[1], args[2], args[3]
  local lease, ttl = tonumber(args[5]), tonumber(args[6])
  local log_max, most = args[8] or '100', tonumber(args[9] or '2')
  if not connection or connection == '' or not lease or not ttl or not args[7] or not log_form(log_max) then
    return redis.error_reply('BADARG session_join: member data capacity now_ms lease_ms ttl_s channel [log_max]')
  end
  if not is_json(data) then return redis.error_reply('BADDATA session_join: data is not JSON') end
  local _, form = log_form(log_max)
  local wrong = misfit(keys, {'hash', 'hash', 'zset', form})
  if wrong then return wrong end
  local epoch, version = position(keys[1])
  if not epoch then return -1 end
  local member = member_of(connection)
  local old = redis.call('HGET', keys[2], member)
  if capacity == '' then capacity = redis.call('HGET', keys[1], 'capacity') or LAST_VERSION end
  if not old and redis.call('HLEN', keys[2]) >= tonumber(capacity) then return -2 end
  local taken = ''
  if old and not redis.call('ZSCORE', keys[3], connection) then
    local mine = leases(keys[3], member)
    if #mine >= most then taken = mine[1] end
  end
  local now = tonumber(args[4]) or tonumber(clock())
  if taken ~= '' then redis.call('ZREM', keys[3], taken) end
  redis.call('ZADD', keys[3], string.format('%.0f', now + lease), connection)
  if old ~= data or taken ~= '' then
    redis.call('HSET', keys[2], member, data)
    local about = '{"m":' .. cjson.encode(member) .. ',"c":' .. cjson.encode(connection) ..
      (taken ~= '' and ',"taken":' .. cjson.encode(taken) or '') .. ',"data":' .. data .. '}'
    version = advance(keys[1], keys[4], epoch, version, 'join', '', about, args[7], log_max)
  end
  refresh(keys, ttl)
  return version
end

return session_join(KEYS, ARGV)

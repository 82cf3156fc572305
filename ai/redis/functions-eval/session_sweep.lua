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

-- The session's epoch and version, or nil where it is gone or ended.
local function position(state)
  local f = redis.call('HMGET', state, 'epoch', 'version', 'status')
  if not f[1] or f[3] == 'ended' then return nil end
  return f[1], tonumber(f[2])
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

-- session_sweep
-- Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 18 more
-- KEYS state roster presence log ...
-- ARGV now_ms channel ttl_s log_max
-- Returns the connections removed, at most 100 a call. A member without a lease left gives the seat back, and that is
-- published. Keys whose state is gone are unlinked. A sweep is no activity: it refreshes no TTL, only sets missing ones.
local function session_sweep(keys, args)
  local ttl, log_max = tonumber(args[3]), args[4] or '100'
  if not args[2] or not ttl or not log_form(log_max) then
    return redis.error_reply('BADARG session_sweep: now_ms channel ttl_s log_max')
  end
  local _, form = log_form(log_max)
  local wrong = misfit(keys, {'hash', 'hash', 'zset', form})
  if wrong then return wrong end
  local epoch, version = position(keys[1])
  if not epoch then
    local orphans = redis.call('ZRANGE', keys[3], 0, 99)
    for i = 2, #keys do redis.call('UNLINK', keys[i]) end
    return orphans
  end
  local now = args[1] == '' and clock() or args[1]
  local lapsed = redis.call('ZRANGEBYSCORE', keys[3], '-inf', '(' .. now, 'LIMIT', 0, 100)
  if #lapsed == 0 then return lapsed end
  redis.call('ZREM', keys[3], unpack(lapsed))
  local live = {}
  for _, c in ipairs(redis.call('ZRANGE', keys[3], 0, -1)) do live[member_of(c)] = true end
  for _, c in ipairs(lapsed) do
    local member = member_of(c)
    if not live[member] and redis.call('HDEL', keys[2], member) == 1 then
      local about = '{"m":' .. cjson.encode(member) .. ',"c":' .. cjson.encode(c) .. ',"why":"lease"}'
      version = advance(keys[1], keys[4], epoch, version, 'leave', '', about, args[2], log_max)
    end
  end
  for i = 1, #keys do
    if redis.call('TTL', keys[i]) == -1 then redis.call('EXPIRE', keys[i], ttl) end
  end
  return lapsed
end

return session_sweep(KEYS, ARGV)

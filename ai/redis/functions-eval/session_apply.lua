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

-- A key of the session with an id of its own ("answer:7") is noted as a field "key:answer:7" of the state by the write that
-- makes it, so that who ends the session can name it without SCAN. These fields are not the project's.
local NOTE = 'key:'

-- session_apply
-- Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 24 more
-- KEYS state log idem ...
-- ARGV channel op_id expected_version type data ttl_s log_max idem_ttl_s [field value]...
-- Returns {version, status}: "ok", "duplicate" (with the first answer's version), "conflict" (expected_version is not
-- the version; "" is any), "gone". Only "ok" wrote. op_id "" asks for no idempotency.
local function session_apply(keys, args)
  local op, expected, data = args[2], args[3], args[5]
  local ttl, log_max, idem_ttl = tonumber(args[6]), args[7], tonumber(args[8])
  if not ttl or not idem_ttl or not log_form(log_max) or #args % 2 == 1 then
    return redis.error_reply('BADARG session_apply: channel op_id expected_version type data ttl_s log_max idem_ttl_s [field value]...')
  end
  for i = 9, #args, 2 do
    if args[i] == 'epoch' or args[i] == 'version' or string.sub(args[i], 1, #NOTE) == NOTE then
      return redis.error_reply('BADARG session_apply: ' .. args[i] .. ' belongs to the functions')
    end
  end
  if data ~= '' and not is_json(data) then return redis.error_reply('BADDATA session_apply: data is not JSON') end
  local _, form = log_form(log_max)
  local wrong = misfit(keys, {'hash', form, 'string'})
  if wrong then return wrong end
  if op ~= '' then
    local first = redis.call('GET', keys[3])
    if first then return {tonumber(string.match(first, '^%d+')), 'duplicate'} end
  end
  local epoch, version = position(keys[1])
  if not epoch then return {0, 'gone'} end
  if expected ~= '' and tonumber(expected) ~= version then return {version, 'conflict'} end
  if version >= LAST_VERSION then return redis.error_reply('BADARG session_apply: the version is at 2^53 - 1') end
  if #args > 8 then redis.call('HSET', keys[1], unpack(args, 9)) end
  version = advance(keys[1], keys[2], epoch, version, args[4], op, data, args[1], log_max)
  if op ~= '' then redis.call('SET', keys[3], string.format('%.0f:ok', version), 'EX', idem_ttl) end
  refresh({keys[1], keys[2], unpack(keys, 4)}, ttl)
  return {version, 'ok'}
end

return session_apply(KEYS, ARGV)

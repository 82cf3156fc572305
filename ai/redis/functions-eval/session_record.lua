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

local function part_of(state, key)
  local home = string.match(state, '^(.*:)[^:]*$')
  local part = home and string.sub(key, 1, #home) == home and string.sub(key, #home + 1)
  return part and string.find(part, ':', 1, true) and part or nil
end

local function note(state, key)
  local part = part_of(state, key)
  if part then redis.call('HSETNX', state, NOTE .. part, '') end
end

-- session_record
-- For buzzroom:v1:{<session_id>}:answer:<round_id>, buzzroom:v1:{<session_id>}:round, buzzroom:v1:{<session_id>}:score, buzzroom:v1:{<session_id>}:buzzer
-- Serves US-010.1 (prd.md:83), US-009.2 (prd.md:79), US-011 (prd.md:85), US-010 (prd.md:81) and 12 more
-- KEYS state log idem target ...
-- ARGV channel op_id expected_version type data ttl_s log_max idem_ttl_s command most element [value]
-- One change of one element of a session's collection, together with version, log, TTL and publish.
-- command is HSET, HSETNX, HINCRBY, ZADD or ZINCRBY (element value), HDEL, SADD, SREM or ZREM (element), or RPUSH (element).
-- most is the collection's bound: a further element is refused, a list is trimmed.
-- Returns {version, status}: "ok", "duplicate", "conflict" and "gone" as session_apply; "full"; "taken" (HSETNX of what is
-- there). Only "ok" wrote. The collection is written first: if its command fails, nothing else has happened.
local KIND = {
  HSET = 'hash', HSETNX = 'hash', HINCRBY = 'hash', HDEL = 'hash', ZADD = 'zset', ZINCRBY = 'zset', ZREM = 'zset',
  SADD = 'set', SREM = 'set', RPUSH = 'list',
}
local TAKES_VALUE = {HSET = true, HSETNX = true, HINCRBY = true, ZADD = true, ZINCRBY = true}
local REMOVES = {HDEL = true, ZREM = true, SREM = true}
local SIZE = {hash = 'HLEN', zset = 'ZCARD', set = 'SCARD'}

local function holds(kind, target, element)
  if kind == 'hash' then return redis.call('HEXISTS', target, element) == 1 end
  if kind == 'zset' then return redis.call('ZSCORE', target, element) ~= false end
  return redis.call('SISMEMBER', target, element) == 1
end

local function session_record(keys, args)
  local op, expected, data = args[2], args[3], args[5]
  local ttl, log_max, idem_ttl = tonumber(args[6]), args[7] or '', tonumber(args[8])
  local command, most, element, value = args[9] or '', tonumber(args[10]), args[11], args[12]
  local kind = KIND[command]
  if #keys < 4 or not kind or not ttl or not idem_ttl or not most or not element or not log_form(log_max) or
    (value ~= nil) ~= (TAKES_VALUE[command] == true) then
    return redis.error_reply('BADARG session_record: channel op_id expected_version type data ttl_s log_max idem_ttl_s command most element [value]')
  end
  if (command == 'HINCRBY' and not string.match(value, '^%-?%d+$')) or (kind == 'zset' and value and not tonumber(value)) then
    return redis.error_reply('BADDATA session_record: ' .. command .. ' needs a number')
  end
  if data ~= '' and not is_json(data) then return redis.error_reply('BADDATA session_record: data is not JSON') end
  local _, form = log_form(log_max)
  local wrong = misfit(keys, {'hash', form, 'string', kind})
  if wrong then return wrong end
  if op ~= '' then
    local first = redis.call('GET', keys[3])
    if first then return {tonumber(string.match(first, '^%d+')), 'duplicate'} end
  end
  local epoch, version = position(keys[1])
  if not epoch then return {0, 'gone'} end
  if expected ~= '' and tonumber(expected) ~= version then return {version, 'conflict'} end
  if version >= LAST_VERSION then return redis.error_reply('BADARG session_record: the version is at 2^53 - 1') end
  if kind ~= 'list' and not REMOVES[command] then
    local there = holds(kind, keys[4], element)
    if there and command == 'HSETNX' then return {version, 'taken'} end
    if not there and redis.call(SIZE[kind], keys[4]) >= most then return {version, 'full'} end
  end
  if command == 'ZADD' or command == 'ZINCRBY' then
    redis.call(command, keys[4], value, element)
  elseif value ~= nil then
    redis.call(command, keys[4], element, value)
  else
    redis.call(command, keys[4], element)
  end
  if kind == 'list' then redis.call('LTRIM', keys[4], -most, -1) end
  if not REMOVES[command] then note(keys[1], keys[4]) end
  version = advance(keys[1], keys[2], epoch, version, args[4], op, data, args[1], log_max)
  if op ~= '' then redis.call('SET', keys[3], string.format('%.0f:ok', version), 'EX', idem_ttl) end
  refresh({keys[1], keys[2], unpack(keys, 4)}, ttl)
  return {version, 'ok'}
end

return session_record(KEYS, ARGV)

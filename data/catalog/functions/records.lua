-- FUNCTION session_record
-- KEYS state log idem target ...
-- ARGV channel op_id expected_version type data ttl_s log_max idem_ttl_s command most element [value]
-- Reply applied
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

-- FUNCTION session_drop
-- KEYS state target ...
-- ARGV (none)
-- Reply integer
-- Returns how many of the targets were there. For keys with an id of their own that are done with, such as the last
-- round's: unlinked, and no longer noted in the state.
-- Flags allow-oom
local function session_drop(keys, args)
  if #keys < 2 then return redis.error_reply('BADARG session_drop: KEYS state target...') end
  local there = 0
  for i = 2, #keys do
    there = there + redis.call('UNLINK', keys[i])
    local part = part_of(keys[1], keys[i])
    if part then redis.call('HDEL', keys[1], NOTE .. part) end
  end
  return there
end

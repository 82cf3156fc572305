#!lua name=buzzroom
-- Buzzroom: the atomic steps of its keyspace, 14 functions. Written by redis-plan: the next
-- build writes it again and keeps an edited one aside.
--
-- Load on every primary at each deploy, before the application starts:
--   redis-cli -x FUNCTION LOAD REPLACE < functions.lua
-- Where Functions are missing, each file of functions-eval/ is the same step for EVAL and EVALSHA.
--
-- Rules the session's functions share
--   * Validate first, write after: neither Lua nor MULTI rolls back, so no reply below -1 or error leaves a write behind.
--   * All keys are declared and lie in one slot. Keys after the named ones are the session's other keys: their TTL is
--     refreshed in the same step.
--   * A TTL is set again only when less than half of it is left: a sliding TTL on every write doubles the AOF.
--   * Versions are integers up to 2^53 - 1 and never pass through cjson, which writes large numbers as floats.
--   * log_max is "<entries>" for a list and "<entries> stream" for a stream; the log is trimmed exactly.
--   * channel is "" for none, "<name>" for PUBLISH, "<name> sharded" for SPUBLISH.
--   * now_ms is Unix milliseconds, or "" for the server's clock, which is what production uses.
--   * member is "<member_id>" or "<member_id>#<connection>"; the seat belongs to the id, the lease to the whole.
-- Errors: BADARG and BADDATA (the caller's fault, nothing written), WRONGTYPE (a foreign value, nothing written), OOM.

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

-- What the state holds as field, value pairs, without the notes.
local function content(state)
  local all, found = redis.call('HGETALL', state), {}
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, #NOTE) ~= NOTE then
      found[#found + 1] = all[i]
      found[#found + 1] = all[i + 1]
    end
  end
  return found
end

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

-- session_create
-- Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 16 more
-- KEYS state roster log ...
-- ARGV epoch ttl_s [field value]...
-- Returns 1 created, 0 exists. Leftovers under the other keys (their state was lost) are unlinked first.
local function session_create(keys, args)
  local ttl = tonumber(args[2])
  if not args[1] or not string.match(args[1], '^%x+$') or not ttl or ttl < 1 or #args % 2 == 1 then
    return redis.error_reply('BADARG session_create: epoch (hex) ttl_s [field value]...')
  end
  if redis.call('EXISTS', keys[1]) == 1 then return 0 end
  for i = 2, #keys do redis.call('UNLINK', keys[i]) end
  local now = clock()
  local fields = {'status', 'open'}
  for i = 3, #args do fields[#fields + 1] = args[i] end
  for _, f in ipairs({'epoch', args[1], 'version', '0', 'created_at', now, 'updated_at', now}) do
    fields[#fields + 1] = f
  end
  redis.call('HSET', keys[1], unpack(fields))
  redis.call('EXPIRE', keys[1], ttl)
  return 1
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

-- session_leave
-- Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 18 more
-- KEYS state roster presence log ...
-- ARGV member ttl_s channel log_max
-- Returns the version, 0 was not there, -1 no session. "<member_id>" gives the seat back with all its connections;
-- "<member_id>#<connection>" ends one lease, and gives the seat back with the last of them.
local function session_leave(keys, args)
  local name, ttl, channel, log_max = args[1], tonumber(args[2]), args[3], args[4] or '100'
  if not name or not ttl or not channel or not log_form(log_max) then
    return redis.error_reply('BADARG session_leave: member ttl_s channel log_max')
  end
  local _, form = log_form(log_max)
  local wrong = misfit(keys, {'hash', 'hash', 'zset', form})
  if wrong then return wrong end
  local epoch, version = position(keys[1])
  if not epoch then return -1 end
  local member = member_of(name)
  local mine = leases(keys[3], member)
  local rest = 0
  if name ~= member then
    local known = redis.call('ZREM', keys[3], name)
    if known == 0 then return 0 end
    rest = #mine - known
  else
    if redis.call('HEXISTS', keys[2], member) == 0 then return 0 end
    if #mine > 0 then redis.call('ZREM', keys[3], unpack(mine)) end
  end
  if rest == 0 then
    redis.call('HDEL', keys[2], member)
    local about = '{"m":' .. cjson.encode(member) .. ',"c":' .. cjson.encode(name) .. ',"why":"left"}'
    version = advance(keys[1], keys[4], epoch, version, 'leave', '', about, channel, log_max)
  end
  refresh(keys, ttl)
  return version
end

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

-- session_catch_up
-- Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 9 more
-- KEYS state log
-- ARGV epoch version max
-- Returns {"delta", version, entries...} without a hole, {"snapshot", version, epoch, field, value...}, or {"gone"}.
-- Another epoch, a client that is ahead, or more than max missed events give a snapshot.
-- Flags no-writes
local function session_catch_up(keys, args)
  local theirs = tonumber(args[2])
  local most, form = log_form(args[3] or '')
  if not theirs or not most then return redis.error_reply('BADARG session_catch_up: epoch version max') end
  local epoch, version = position(keys[1])
  if not epoch then return {'gone'} end
  local missed = version - theirs
  if epoch == args[1] and missed >= 0 and missed <= most then
    local entries = {}
    if missed > 0 and form == 'stream' then
      for _, e in ipairs(redis.call('XRANGE', keys[2], string.format('%.0f-0', theirs + 1), '+', 'COUNT', missed)) do
        entries[#entries + 1] = e[2][2]
      end
    elseif missed > 0 then
      entries = redis.call('LRANGE', keys[2], -missed, -1)
    end
    local whole = #entries == missed
    for i = 1, #entries do
      local e, v = string.match(entries[i], '^{"e":"(%x+)","v":(%d+),')
      whole = whole and e == epoch and tonumber(v) == theirs + i
    end
    if whole then return {'delta', version, unpack(entries)} end
  end
  return {'snapshot', version, epoch, unpack(content(keys[1]))}
end

-- session_end
-- Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 27 more
-- KEYS state ...
-- ARGV channel
-- Returns 1, also when it has run before; or the parts ("answer:7") of further keys that the state notes and that are not
-- among KEYS: then nothing was done, and the caller runs it again with them. Publishes the terminal event, then unlinks
-- every key given. It must work when memory is full, which a function may only with allow-oom.
-- Flags allow-oom
local function session_end(keys, args)
  local epoch, version = position(keys[1])
  local given, missing = {}, {}
  for i = 2, #keys do given[part_of(keys[1], keys[i]) or ''] = true end
  local fields = redis.call('TYPE', keys[1]).ok == 'hash' and redis.call('HKEYS', keys[1]) or {}
  for i = 1, #fields do
    local part = string.sub(fields[i], 1, #NOTE) == NOTE and string.sub(fields[i], #NOTE + 1)
    if part and not given[part] then missing[#missing + 1] = part end
  end
  if #missing > 0 then return missing end
  if epoch then broadcast(args[1] or '', envelope(epoch, version + 1, 'end', '', '', clock())) end
  for i = 1, #keys do redis.call('UNLINK', keys[i]) end
  return 1
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

-- session_drop
-- For buzzroom:v1:{<session_id>}:answer:<round_id>
-- Serves US-010.1 (prd.md:83), US-009.2 (prd.md:79), US-011 (prd.md:85), US-010 (prd.md:81) and 4 more
-- KEYS state target ...
-- ARGV (none)
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

redis.register_function('session_create', session_create)
redis.register_function('session_join', session_join)
redis.register_function('session_leave', session_leave)
redis.register_function('session_apply', session_apply)
redis.register_function('session_heartbeat', session_heartbeat)
redis.register_function('session_sweep', session_sweep)
redis.register_function{function_name='session_catch_up', callback=session_catch_up, flags={'no-writes'}}
redis.register_function{function_name='session_end', callback=session_end, flags={'allow-oom'}}
redis.register_function('session_record', session_record)
redis.register_function{function_name='session_drop', callback=session_drop, flags={'allow-oom'}}
redis.register_function('rate_hit', rate_hit)
redis.register_function('due_claim', due_claim)
redis.register_function{function_name='due_done', callback=due_done, flags={'allow-oom'}}
redis.register_function('gateway_add', gateway_add)

#!lua name=redis_plan
-- The functions of a session: every change of a session's state is one of these, and each is one atomic step.
--
-- Rules they share
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

-- PRELUDE
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

-- FUNCTION session_create
-- KEYS state roster log ...
-- ARGV epoch ttl_s [field value]...
-- Reply flag
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

-- FUNCTION session_join
-- KEYS state roster presence log ...
-- ARGV member data capacity now_ms lease_ms ttl_s channel [log_max] [connections_max]
-- Reply integer
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

-- FUNCTION session_leave
-- KEYS state roster presence log ...
-- ARGV member ttl_s channel log_max
-- Reply integer
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

-- FUNCTION session_apply
-- KEYS state log idem ...
-- ARGV channel op_id expected_version type data ttl_s log_max idem_ttl_s [field value]...
-- Reply applied
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

-- FUNCTION session_heartbeat
-- KEYS state presence ...
-- ARGV member now_ms lease_ms ttl_s
-- Reply integer
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

-- FUNCTION session_sweep
-- KEYS state roster presence log ...
-- ARGV now_ms channel ttl_s log_max
-- Reply names
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

-- FUNCTION session_catch_up
-- KEYS state log
-- ARGV epoch version max
-- Reply caught_up
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

-- FUNCTION session_end
-- KEYS state ...
-- ARGV channel
-- Reply ended
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

-- REGISTER
redis.register_function('session_create', session_create)
redis.register_function('session_join', session_join)
redis.register_function('session_leave', session_leave)
redis.register_function('session_apply', session_apply)
redis.register_function('session_heartbeat', session_heartbeat)
redis.register_function('session_sweep', session_sweep)
redis.register_function{function_name='session_catch_up', callback=session_catch_up, flags={'no-writes'}}
redis.register_function{function_name='session_end', callback=session_end, flags={'allow-oom'}}

#!lua name=buzzroom
-- Buzzroom: the atomic steps of its keyspace, 17 functions. Written by redis-plan: the next
-- build writes it again and keeps an edited one aside.
--
-- Load on every primary at each deploy, before the application starts:
--   redis-cli --user admin -x FUNCTION LOAD REPLACE < functions.lua
-- Where Functions are missing, each file of functions-eval/ is the same step for EVAL and EVALSHA.
--
-- Rules the session's functions share
--   * Everything is checked before the first write: neither Lua nor MULTI rolls back, so an error leaves no write behind.
--   * All keys are declared and lie in one slot. Keys after the named ones are the session's other keys: their TTL is
--     refreshed in the same step.
--   * A TTL is set again only when less than half of it is left: a sliding TTL on every write doubles the AOF.
--   * Versions are integers up to 2^53 - 1 and never pass through cjson, which writes large numbers as floats.
--   * A session is open, then ended, then handed over, then gone: session_end, session_hand_over, session_remove.
--   * Times are the server's: no caller's clock decides anything.
-- Errors: BADARG with the argument's name, WRONGTYPE with the key, BADSTATE (the state is not one of ours), BADDATA (the
-- element can't take this change), NOPERM with the command, OOM; after each of them nothing has been written.

local LAST_VERSION = 9007199254740991
local MOST_JSON, DEEPEST_JSON, MOST_NAME, MOST_FEW = 262144, 64, 1024, 1000

-- Whether text is UTF-8 (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF. One pass.
local function is_utf8(text)
  local at, find = 1, string.find
  while at <= #text do
    local _, last = find(text, '^[%z\1-\127]+', at)
    if not last then _, last = find(text, '^[\194-\223][\128-\191]', at) end
    if not last then _, last = find(text, '^[\225-\236\238\239][\128-\191][\128-\191]', at) end
    if not last then _, last = find(text, '^[\241-\243][\128-\191][\128-\191][\128-\191]', at) end
    if not last then _, last = find(text, '^\224[\160-\191][\128-\191]', at) end
    if not last then _, last = find(text, '^\237[\128-\159][\128-\191]', at) end
    if not last then _, last = find(text, '^\240[\144-\191][\128-\191][\128-\191]', at) end
    if not last then _, last = find(text, '^\244[\128-\143][\128-\191][\128-\191]', at) end
    if not last then return false end
    at = last + 1
  end
  return true
end

-- Where the JSON string that opens at the quote ends, or nil.
local function after_string(text, at)
  at = at + 1
  while true do
    local found = string.find(text, '["\\%z\1-\31]', at)
    local byte = found and string.byte(text, found)
    if byte == 34 then return found + 1 end
    if byte ~= 92 then return nil end
    local _, last = string.find(text, '^[nrt"\\/bf]', found + 1)
    if not last then _, last = string.find(text, '^u%x%x%x%x', found + 1) end
    if not last then return nil end
    at = last + 1
  end
end

local function after_number(text, at)
  local _, last = string.find(text, '^%-?[1-9]%d*', at)
  if not last then _, last = string.find(text, '^%-?0', at) end
  if not last then return nil end
  local _, fraction = string.find(text, '^%.%d+', last + 1)
  local _, exponent = string.find(text, '^[eE][+-]?%d+', (fraction or last) + 1)
  return (exponent or fraction or last) + 1
end

local function after_word(text, at)
  for _, word in ipairs({'true', 'false', 'null'}) do
    if string.sub(text, at, at + #word - 1) == word then return at + #word end
  end
end

-- Where the JSON value that begins at or after at ends, with the white space behind it; or nil. Each byte is looked at once.
local function after_value(text, at, depth)
  at = string.find(text, '[^ \t\r\n]', at)
  local byte = at and string.byte(text, at)
  if not byte or depth > DEEPEST_JSON then return nil end
  if byte == 34 then
    at = after_string(text, at)
  elseif byte == 123 or byte == 91 then
    local close = byte == 123 and '}' or ']'
    at = string.find(text, '[^ \t\r\n]', at + 1)
    if at and string.sub(text, at, at) == close then
      at = at + 1
    else
      repeat
        if close == '}' then
          if not at or string.byte(text, at) ~= 34 then return nil end
          at = after_string(text, at)
          at = at and string.find(text, '[^ \t\r\n]', at)
          if not at or string.byte(text, at) ~= 58 then return nil end
          at = at + 1
        end
        at = at and after_value(text, at, depth + 1)
        if not at then return nil end
        local mark = string.sub(text, at, at)
        if mark ~= ',' and mark ~= close then return nil end
        at = at + 1
        if mark == ',' and close == '}' then at = string.find(text, '[^ \t\r\n]', at) end
      until mark == close
    end
  elseif byte == 45 or (byte >= 48 and byte <= 57) then
    at = after_number(text, at)
  else
    at = after_word(text, at)
  end
  return at and (string.find(text, '[^ \t\r\n]', at) or #text + 1)
end

-- Whether text is JSON as RFC 8259 has it. cjson takes more (NaN, 0x10, 01, Infinity), which no client can read.
local function is_json(text)
  return #text <= MOST_JSON and after_value(text, 1, 1) == #text + 1 and is_utf8(text)
end

-- The checks: each takes an argument's text and returns its value, or nil where it is refused.
local function whole(text, least, most)
  local number = #text <= 16 and string.match(text, '^%d+$') and tonumber(text)
  return number and number >= least and number <= most and number or nil
end

local function decimal(text, least, most)
  local number = #text <= 40 and string.match(text, '^[+-]?%d*%.?%d*[eE]?[+-]?%d*$') and tonumber(text)
  return number and number >= least and number <= most and number or nil
end

local function check_bytes(text) return text end

local function check_text(text) return #text <= MOST_NAME and is_utf8(text) and text or nil end

local function check_name(text) return text ~= '' and check_text(text) or nil end

local function check_epoch(text) return #text <= 32 and string.match(text, '^%x+$') or nil end

local function check_seconds(text) return whole(text, 1, 1000000000) end

local function check_milliseconds(text) return whole(text, 1, 1000000000000) end

local function check_count(text) return whole(text, 1, LAST_VERSION) end

local function check_few(text) return whole(text, 1, MOST_FEW) end

local function check_whole(text) return whole(text, 0, LAST_VERSION) end

local function check_json(text) return text == '' and 'null' or is_json(text) and text or nil end

local function check_version(text)
  if text == '' then return false end
  return whole(text, 0, LAST_VERSION)
end

local function check_seats(text)
  if text == '' then return false end
  return whole(text, 1, LAST_VERSION)
end

local function check_log(text)
  local entries, form = string.match(text, '^(%d+)( ?%a*)$')
  if form ~= '' and form ~= ' stream' then return nil end
  entries = whole(entries, 1, 1000000)
  return entries and {entries = entries, form = form == '' and 'list' or 'stream'}
end

local function check_channel(text)
  if text == '' then return {} end
  local sharded = string.match(text, '^(%S+) sharded$')
  if sharded then return {command = 'SPUBLISH', name = sharded} end
  return string.match(text, '^%S+$') and {command = 'PUBLISH', name = text} or nil
end

-- The commands that change one element: the type of the collection, whether a value follows, what counts its elements.
local ELEMENT = {
  HSET = {'hash', true, 'HLEN'}, HSETNX = {'hash', true, 'HLEN'}, HINCRBY = {'hash', true, 'HLEN'},
  ZADD = {'zset', true, 'ZCARD'}, ZINCRBY = {'zset', true, 'ZCARD'}, SADD = {'set', false, 'SCARD'},
  RPUSH = {'list', false}, HDEL = {'hash', false}, ZREM = {'zset', false}, SREM = {'set', false},
}

local function check_command(text) return ELEMENT[text] and text end

local function check_rest_fields(args, from)
  local found = {}
  if (#args - from) % 2 == 0 or #args - from >= 2 * MOST_FEW then return nil end
  for i = from, #args do found[#found + 1] = args[i] end
  return found
end

local function check_rest_bytes(args, from)
  if #args > from then return nil end
  return args[from] or false
end

-- Reads ARGV as the call defines it: a table by name, or nil and what is wrong.
local function arguments(call, args)
  local a = {}
  for i, argument in ipairs(call.args) do
    local name, check, absent = argument[1], argument[2], argument[3]
    local text = args[i]
    if absent and (text == nil or text == '') then text = absent end
    local value = nil
    if text ~= nil then value = check(text) end
    if value == nil then return nil, 'BADARG ' .. call.name .. ': ' .. name end
    a[name] = value
  end
  if call.rest then
    local value = call.rest[2](args, #call.args + 1)
    if value == nil then return nil, 'BADARG ' .. call.name .. ': ' .. call.rest[1] end
    a[call.rest[1]] = value
  elseif #args > #call.args then
    return nil, 'BADARG ' .. call.name .. ': too many arguments'
  end
  return a
end

-- What is wrong with the keys: their number, or a value of another type than its use.
local function misfit(call, keys, a)
  if #keys < #call.types or (#keys > #call.types and not call.more) then return 'BADARG ' .. call.name .. ': KEYS' end
  for i, kind in ipairs(call.types) do
    if kind == 'log' then kind = (a.log_max or a.max).form end
    if kind == 'element' then kind = ELEMENT[a.command][1] end
    local found = redis.call('TYPE', keys[i]).ok
    if found ~= 'none' and found ~= kind and kind ~= 'any' then
      return 'WRONGTYPE ' .. keys[i] .. ' holds a ' .. found .. ', not a ' .. kind
    end
  end
end

-- The command that the caller may not run, so that a missing right is found before the first write and not after it.
local function forbidden(call, keys, a)
  local may = redis.acl_check_cmd
  if not may then return nil end -- before Redis 7
  for _, command in ipairs(call.runs) do
    if not may(command, keys[1]) then return 'NOPERM ' .. call.name .. ': ' .. command end
  end
  if a.log_max then
    for _, command in ipairs(a.log_max.form == 'stream' and {'XADD'} or {'RPUSH', 'LTRIM'}) do
      if not may(command, keys[1]) then return 'NOPERM ' .. call.name .. ': ' .. command end
    end
  end
  local channel = a.channel or a.publish_to
  if channel and channel.name and not may(channel.command, channel.name, '') then
    return 'NOPERM ' .. call.name .. ': ' .. channel.command .. ' ' .. channel.name
  end
  if a.command and not may(a.command, keys[1]) then return 'NOPERM ' .. call.name .. ': ' .. a.command end
end

-- The session's epoch, version and status; nil where it is gone; and what is wrong with a state that is not ours.
local function session_of(state)
  local f = redis.call('HMGET', state, 'epoch', 'version', 'status')
  if not f[1] and not f[2] and redis.call('EXISTS', state) == 0 then return nil end
  local version = f[2] and whole(f[2], 0, LAST_VERSION - 1)
  if not version or not f[1] or not check_epoch(f[1]) then
    return nil, 'BADSTATE ' .. state .. ' has no epoch and version that can go on'
  end
  local closed = f[3] == 'ended' or f[3] == 'handed_over'
  return {epoch = f[1], version = version, status = closed and f[3] or 'open', ended = closed}
end

-- Checks everything, then runs the body with keys, arguments by name and, for a call of a session, the session.
local function run(call, body, keys, args)
  local a, wrong = arguments(call, args)
  wrong = wrong or misfit(call, keys, a) or forbidden(call, keys, a)
  if wrong then return redis.error_reply(wrong) end
  if not call.session then return body(keys, a) end
  local session, bad = session_of(keys[1])
  if bad then return redis.error_reply(bad) end
  return body(keys, a, session)
end

local function digits(number)
  return string.format('%.0f', number)
end

-- The server's clock in Unix milliseconds: the only clock that anything is decided by.
local function clock()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function tell(channel, message)
  if channel.command == 'SPUBLISH' then
    redis.call('SPUBLISH', channel.name, message)
  elseif channel.command then
    redis.call('PUBLISH', channel.name, message)
  end
end

-- A TTL is set again only when less than half of it is left: a sliding TTL on every write doubles the AOF.
local function refresh(keys, ttl)
  for i = 1, #keys do
    if redis.call('PTTL', keys[i]) < ttl * 500 then redis.call('EXPIRE', keys[i], ttl) end
  end
end

-- Version + 1, log, publish: the three that must never come apart. The session given is then at its new version.
local function advance(keys, log, session, a, kind, op, data)
  local now = digits(clock())
  session.version = session.version + 1
  local version = digits(session.version)
  redis.call('HSET', keys[1], 'version', version, 'updated_at', now)
  local message = '{"e":"' .. session.epoch .. '","v":' .. version .. ',"ts":' .. now .. ',"t":' ..
    cjson.encode(kind) .. ',"op":' .. cjson.encode(op) .. ',"d":' .. data .. '}'
  if a.log_max.form == 'stream' then
    -- The version is the entry's id, so a range of versions is a range of ids. A log that is ahead of its state is the
    -- rest of another life: it goes.
    local added = redis.pcall('XADD', log, 'MAXLEN', a.log_max.entries, version .. '-0', 'm', message)
    if type(added) == 'table' and added.err then
      redis.call('UNLINK', log)
      redis.call('XADD', log, version .. '-0', 'm', message)
    end
  else
    redis.call('RPUSH', log, message)
    redis.call('LTRIM', log, -a.log_max.entries, -1)
  end
  tell(a.channel, message)
  return session.version
end

-- The remembered answer of an operation belongs to the epoch in which it was given: "<epoch>:<version>".
local function remembered(idem, session, op)
  if op == '' then return nil end
  local epoch, version = string.match(redis.call('GET', idem) or '', '^(%x+):(%d+)$')
  return epoch == session.epoch and tonumber(version) or nil
end

local function remember(idem, session, a)
  if a.op_id == '' then return end
  redis.call('SET', idem, session.epoch .. ':' .. digits(session.version), 'EX', a.idem_ttl_s)
end

-- Why a change may not be made now: {version, result}, or nil where it may.
local function refusal(idem, session, a)
  if not session then return {0, 'gone'} end
  local before = remembered(idem, session, a.op_id)
  if before then return {before, 'duplicate'} end
  if session.ended then return {session.version, 'ended'} end
  if a.expected_version and a.expected_version ~= session.version then return {session.version, 'conflict'} end
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

-- Fields of the state that are not the project's to read in a snapshot: "key:answer:7" notes a key of the session with an
-- id of its own, so that who removes the session can name it without SCAN; "hidden:…" is what must not be seen yet.
local NOTE, HIDDEN = 'key:', 'hidden:'

local function starts(text, with)
  return string.sub(text, 1, #with) == with
end

local function part_of(state, key)
  local home = string.match(state, '^(.*:)[^:]*$')
  local part = home and starts(key, home) and string.sub(key, #home + 1)
  return part and string.find(part, ':', 1, true) and part or nil
end

local function note(state, key)
  local part = part_of(state, key)
  if part then redis.call('HSETNX', state, NOTE .. part, '') end
end

-- The first of the fields that only the functions may set.
local function reserved(fields)
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if name == 'epoch' or name == 'version' or name == 'receipt' or starts(name, NOTE) then return name end
    if name == 'status' and (value == 'ended' or value == 'handed_over') then return 'status ' .. value end
  end
end

-- session_create
-- Serves R-607a2 (prd.md:7), US-007 (prd.md:66), US-011 (prd.md:85), US-029 (prd.md:155) and 17 more
-- Make the session; leftovers under its other keys (their state was lost) are unlinked first.
-- KEYS state (hash) roster log and the session's other keys
-- ARGV epoch ttl_s [field value]...
--   epoch: 1 to 32 hex digits that change whenever what clients know must be read anew
--   ttl_s: TTL of the key in seconds
--   fields: fields and their values, at most 1,000 pairs
-- Answers a result:
--   "created": version 0, status open
--   "exists": it is there already, in whatever status; nothing was written
local function session_create(keys, a, session)
  local wrong = reserved(a.fields)
  if wrong then return redis.error_reply('BADARG session_create: ' .. wrong .. ' belongs to the functions') end
  if session then return 'exists' end
  for i = 2, #keys do redis.call('UNLINK', keys[i]) end
  local now = digits(clock())
  redis.call('HSET', keys[1], 'status', 'open', 'epoch', a.epoch, 'version', '0', 'created_at', now, 'updated_at', now)
  if #a.fields > 0 then redis.call('HSET', keys[1], unpack(a.fields)) end
  redis.call('EXPIRE', keys[1], a.ttl_s)
  return 'created'
end

local SESSION_CREATE = {
  name = 'session_create', types = {'hash', 'any', 'any'},
  more = true, session = true,
  args = {{'epoch', check_epoch}, {'ttl_s', check_seconds}},
  rest = {'fields', check_rest_fields},
  runs = {'EXISTS', 'EXPIRE', 'HMGET', 'HSET', 'TIME', 'TYPE', 'UNLINK'},
}
local function call_session_create(keys, args)
  return run(SESSION_CREATE, session_create, keys, args)
end

-- session_join
-- Serves R-607a2 (prd.md:7), US-007 (prd.md:66), US-011 (prd.md:85), US-029 (prd.md:155) and 19 more
-- Take a seat and a lease; a member who has a seat takes no second one.
-- KEYS state (hash) roster (hash) presence (zset) log and the session's other keys
-- ARGV member data capacity lease_ms ttl_s channel log_max [connections_max]
--   member: "<member_id>" or "<member_id>#<connection>": the seat belongs to the id, the lease to the whole
--   data: JSON (RFC 8259) of the event, at most 256 KiB and 64 levels; empty is null
--   capacity: seats; empty: as the field capacity of the state says, else no bound
--   lease_ms: how long the lease runs, from the server's clock
--   ttl_s: TTL of the key in seconds
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   connections_max: connections of one member; one more takes over the lease that ends first
-- Answers {version, result}:
--   "joined": a seat, new data or a taken-over connection, and everybody is told
--   "again": it had the seat and the same data: only the lease is new
--   "full": no seat is left
--   "ended": the session has ended
--   "gone": there is no session
local function session_join(keys, a, session)
  if not session then return {0, 'gone'} end
  if session.ended then return {session.version, 'ended'} end
  local member = member_of(a.member)
  if member == '' then return redis.error_reply('BADARG session_join: member') end
  local old = redis.call('HGET', keys[2], member)
  local seats = a.capacity or tonumber(redis.call('HGET', keys[1], 'capacity') or nil) or LAST_VERSION
  if not old and redis.call('HLEN', keys[2]) >= seats then return {session.version, 'full'} end
  local taken = nil
  if old and not redis.call('ZSCORE', keys[3], a.member) then
    local mine = leases(keys[3], member)
    if #mine >= a.connections_max then taken = mine[1] end
  end
  redis.call('ZADD', keys[3], digits(clock() + a.lease_ms), a.member)
  if taken then redis.call('ZREM', keys[3], taken) end
  local told = old ~= a.data or taken ~= nil
  if told then
    redis.call('HSET', keys[2], member, a.data)
    local about = '{"m":' .. cjson.encode(member) .. ',"c":' .. cjson.encode(a.member) ..
      (taken and ',"taken":' .. cjson.encode(taken) or '') .. ',"data":' .. a.data .. '}'
    advance(keys, keys[4], session, a, 'join', '', about)
  end
  refresh(keys, a.ttl_s)
  return {session.version, told and 'joined' or 'again'}
end

local SESSION_JOIN = {
  name = 'session_join', types = {'hash', 'hash', 'zset', 'log'},
  more = true, session = true,
  args = {{'member', check_name}, {'data', check_json}, {'capacity', check_seats}, {'lease_ms', check_milliseconds}, {'ttl_s', check_seconds}, {'channel', check_channel}, {'log_max', check_log}, {'connections_max', check_few, '2'}},
  runs = {'EXISTS', 'EXPIRE', 'HGET', 'HLEN', 'HMGET', 'HSET', 'PTTL', 'TIME', 'TYPE', 'UNLINK', 'ZADD', 'ZRANGE', 'ZREM', 'ZSCORE'},
}
local function call_session_join(keys, args)
  return run(SESSION_JOIN, session_join, keys, args)
end

-- session_leave
-- Serves R-607a2 (prd.md:7), US-007 (prd.md:66), US-011 (prd.md:85), US-029 (prd.md:155) and 19 more
-- Give back the seat with all connections, or one connection and the seat with the last of them.
-- KEYS state (hash) roster (hash) presence (zset) log and the session's other keys
-- ARGV member ttl_s channel log_max
--   member: "<member_id>" or "<member_id>#<connection>": the seat belongs to the id, the lease to the whole
--   ttl_s: TTL of the key in seconds
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
-- Answers {version, result}:
--   "left": the seat is free and everybody is told
--   "stays": one connection less; the seat stays with the others
--   "absent": it was not there
--   "ended": the session has ended: its roster is part of the result
--   "gone": there is no session
local function session_leave(keys, a, session)
  if not session then return {0, 'gone'} end
  if session.ended then return {session.version, 'ended'} end
  local member = member_of(a.member)
  local mine = leases(keys[3], member)
  if a.member ~= member then
    if redis.call('ZREM', keys[3], a.member) == 0 then return {session.version, 'absent'} end
    if #mine > 1 then
      refresh(keys, a.ttl_s)
      return {session.version, 'stays'}
    end
  else
    if redis.call('HEXISTS', keys[2], member) == 0 then return {session.version, 'absent'} end
    for _, c in ipairs(mine) do redis.call('ZREM', keys[3], c) end
  end
  redis.call('HDEL', keys[2], member)
  local about = '{"m":' .. cjson.encode(member) .. ',"c":' .. cjson.encode(a.member) .. ',"why":"left"}'
  advance(keys, keys[4], session, a, 'leave', '', about)
  refresh(keys, a.ttl_s)
  return {session.version, 'left'}
end

local SESSION_LEAVE = {
  name = 'session_leave', types = {'hash', 'hash', 'zset', 'log'},
  more = true, session = true,
  args = {{'member', check_name}, {'ttl_s', check_seconds}, {'channel', check_channel}, {'log_max', check_log}},
  runs = {'EXISTS', 'EXPIRE', 'HDEL', 'HEXISTS', 'HMGET', 'HSET', 'PTTL', 'TIME', 'TYPE', 'UNLINK', 'ZRANGE', 'ZREM'},
}
local function call_session_leave(keys, args)
  return run(SESSION_LEAVE, session_leave, keys, args)
end

-- session_apply
-- Serves R-607a2 (prd.md:7), US-007 (prd.md:66), US-011 (prd.md:85), US-029 (prd.md:155) and 25 more
-- Change fields of the state by one event.
-- KEYS state (hash) log idem (string) and the session's other keys
-- ARGV channel op_id expected_version type data ttl_s log_max idem_ttl_s [field value]...
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   expected_version: refuse unless this is the version; empty: any
--   type: type of the event
--   data: JSON (RFC 8259) of the event, at most 256 KiB and 64 levels; empty is null
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: how long the answer of an operation is remembered, seconds
--   fields: fields and their values, at most 1,000 pairs
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "conflict": expected_version is not the version
--   "ended": the session has ended
--   "gone": there is no session
local function session_apply(keys, a, session)
  local wrong = reserved(a.fields)
  if wrong then return redis.error_reply('BADARG session_apply: ' .. wrong .. ' belongs to the functions') end
  local refused = refusal(keys[3], session, a)
  if refused then return refused end
  if #a.fields > 0 then redis.call('HSET', keys[1], unpack(a.fields)) end
  advance(keys, keys[2], session, a, a.type, a.op_id, a.data)
  remember(keys[3], session, a)
  refresh({keys[1], keys[2], unpack(keys, 4)}, a.ttl_s)
  return {session.version, 'ok'}
end

local SESSION_APPLY = {
  name = 'session_apply', types = {'hash', 'log', 'string'},
  more = true, session = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'expected_version', check_version}, {'type', check_text}, {'data', check_json}, {'ttl_s', check_seconds}, {'log_max', check_log}, {'idem_ttl_s', check_seconds}},
  rest = {'fields', check_rest_fields},
  runs = {'EXISTS', 'EXPIRE', 'GET', 'HMGET', 'HSET', 'PTTL', 'SET', 'TIME', 'TYPE', 'UNLINK'},
}
local function call_session_apply(keys, args)
  return run(SESSION_APPLY, session_apply, keys, args)
end

-- session_heartbeat
-- Serves R-607a2 (prd.md:7), US-007 (prd.md:66), US-011 (prd.md:85), US-029 (prd.md:155) and 21 more
-- Renew a lease.
-- KEYS state (hash) presence (zset) and the session's other keys
-- ARGV member lease_ms ttl_s
--   member: "<member_id>" or "<member_id>#<connection>": the seat belongs to the id, the lease to the whole
--   lease_ms: how long the lease runs, from the server's clock
--   ttl_s: TTL of the key in seconds
-- Answers a result:
--   "renewed": the lease runs from now
--   "lapsed": the lease was swept: join again
--   "ended": the session has ended
--   "gone": there is no session
local function session_heartbeat(keys, a, session)
  if not session then return 'gone' end
  if session.ended then return 'ended' end
  if not redis.call('ZSCORE', keys[2], a.member) then return 'lapsed' end
  redis.call('ZADD', keys[2], 'GT', digits(clock() + a.lease_ms), a.member)
  refresh(keys, a.ttl_s)
  return 'renewed'
end

local SESSION_HEARTBEAT = {
  name = 'session_heartbeat', types = {'hash', 'zset'},
  more = true, session = true,
  args = {{'member', check_name}, {'lease_ms', check_milliseconds}, {'ttl_s', check_seconds}},
  runs = {'EXISTS', 'EXPIRE', 'HMGET', 'PTTL', 'TIME', 'TYPE', 'ZADD', 'ZSCORE'},
}
local function call_session_heartbeat(keys, args)
  return run(SESSION_HEARTBEAT, session_heartbeat, keys, args)
end

-- session_sweep
-- Serves R-607a2 (prd.md:7), US-007 (prd.md:66), US-011 (prd.md:85), US-029 (prd.md:155) and 19 more
-- Remove connections whose lease has lapsed by the server's clock, at most 100 a call, and publish the seats that go with them. An ended session is left alone, no TTL is refreshed, keys whose state is lost are unlinked.
-- KEYS state (hash) roster (hash) presence (zset) log and the session's other keys
-- ARGV channel ttl_s log_max
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
-- Answers the names.
local function session_sweep(keys, a, session)
  if not session then
    local orphans = redis.call('ZRANGE', keys[3], 0, 99)
    for i = 2, #keys do redis.call('UNLINK', keys[i]) end
    return orphans
  end
  local lapsed = {}
  if not session.ended then
    lapsed = redis.call('ZRANGEBYSCORE', keys[3], '-inf', '(' .. digits(clock()), 'LIMIT', 0, 100)
  end
  if #lapsed > 0 then
    redis.call('ZREM', keys[3], unpack(lapsed))
    local live = {}
    for _, c in ipairs(redis.call('ZRANGE', keys[3], 0, -1)) do live[member_of(c)] = true end
    for _, c in ipairs(lapsed) do
      local member = member_of(c)
      if not live[member] and redis.call('HDEL', keys[2], member) == 1 then
        local about = '{"m":' .. cjson.encode(member) .. ',"c":' .. cjson.encode(c) .. ',"why":"lease"}'
        advance(keys, keys[4], session, a, 'leave', '', about)
      end
    end
  end
  for i = 1, #keys do
    if redis.call('TTL', keys[i]) == -1 then redis.call('EXPIRE', keys[i], a.ttl_s) end
  end
  return lapsed
end

local SESSION_SWEEP = {
  name = 'session_sweep', types = {'hash', 'hash', 'zset', 'log'},
  more = true, session = true,
  args = {{'channel', check_channel}, {'ttl_s', check_seconds}, {'log_max', check_log}},
  runs = {'EXISTS', 'EXPIRE', 'HDEL', 'HMGET', 'HSET', 'TIME', 'TTL', 'TYPE', 'UNLINK', 'ZRANGE', 'ZRANGEBYSCORE', 'ZREM'},
}
local function call_session_sweep(keys, args)
  return run(SESSION_SWEEP, session_sweep, keys, args)
end

-- session_catch_up
-- Serves R-607a2 (prd.md:7), US-007 (prd.md:66), US-011 (prd.md:85), US-029 (prd.md:155) and 9 more
-- What a client missed; a snapshot, without fields key:… and hidden:…, for another epoch, a client that is ahead, or more than max missed events.
-- KEYS state (hash) log
-- ARGV known_epoch version max
--   known_epoch: epoch that the client has; empty where it has none
--   version: version that the client has
--   max: missed events beyond which a snapshot is given; "<entries> stream" where the log is a stream
-- Answers {"delta", version, event…}, {"snapshot", version, epoch, field, value…} or {"gone"}.
local function session_catch_up(keys, a, session)
  if not session then return {'gone'} end
  local missed = session.version - a.version
  if session.epoch == a.known_epoch and missed >= 0 and missed <= a.max.entries then
    local found, delta = {}, {'delta', session.version}
    if missed > 0 and a.max.form == 'stream' then
      for _, e in ipairs(redis.call('XRANGE', keys[2], digits(a.version + 1) .. '-0', '+', 'COUNT', missed)) do
        found[#found + 1] = e[2][2]
      end
    elseif missed > 0 then
      found = redis.call('LRANGE', keys[2], -missed, -1)
    end
    local whole_delta = #found == missed
    for i, entry in ipairs(found) do
      local e, v = string.match(entry, '^{"e":"(%x+)","v":(%d+),')
      whole_delta = whole_delta and e == session.epoch and tonumber(v) == a.version + i
      delta[#delta + 1] = entry
    end
    if whole_delta then return delta end
  end
  local snapshot = {'snapshot', session.version, session.epoch}
  local all = redis.call('HGETALL', keys[1])
  for i = 1, #all, 2 do
    if not starts(all[i], NOTE) and not starts(all[i], HIDDEN) then
      snapshot[#snapshot + 1] = all[i]
      snapshot[#snapshot + 1] = all[i + 1]
    end
  end
  return snapshot
end

local SESSION_CATCH_UP = {
  name = 'session_catch_up', types = {'hash', 'log'},
  session = true,
  args = {{'known_epoch', check_text}, {'version', check_whole}, {'max', check_log}},
  runs = {'EXISTS', 'HGETALL', 'HMGET', 'TYPE'},
}
local function call_session_catch_up(keys, args)
  return run(SESSION_CATCH_UP, session_catch_up, keys, args)
end

-- session_renew
-- Serves R-607a2 (prd.md:7), US-007 (prd.md:66), US-011 (prd.md:85), US-029 (prd.md:155) and 31 more
-- Give the session a new epoch in place, where clients and server no longer agree (after a failover or a restore): nothing else is lost, every client takes a snapshot.
-- KEYS state (hash) log and the session's other keys
-- ARGV epoch channel ttl_s log_max
--   epoch: 1 to 32 hex digits that change whenever what clients know must be read anew
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
-- Answers {version, result}:
--   "renewed": the epoch changed and everybody is told
--   "same": this epoch it had already
--   "gone": there is no session
local function session_renew(keys, a, session)
  if not session then return {0, 'gone'} end
  if session.epoch == a.epoch then return {session.version, 'same'} end
  redis.call('HSET', keys[1], 'epoch', a.epoch)
  session.epoch = a.epoch
  advance(keys, keys[2], session, a, 'epoch', '', 'null')
  refresh(keys, a.ttl_s)
  return {session.version, 'renewed'}
end

local SESSION_RENEW = {
  name = 'session_renew', types = {'hash', 'log'},
  more = true, session = true,
  args = {{'epoch', check_epoch}, {'channel', check_channel}, {'ttl_s', check_seconds}, {'log_max', check_log}},
  runs = {'EXISTS', 'EXPIRE', 'HMGET', 'HSET', 'PTTL', 'TIME', 'TYPE', 'UNLINK'},
}
local function call_session_renew(keys, args)
  return run(SESSION_RENEW, session_renew, keys, args)
end

-- session_end
-- Serves R-607a2 (prd.md:7), US-007 (prd.md:66), US-011 (prd.md:85), US-029 (prd.md:155) and 31 more
-- End the session: it takes no change any more, and stays readable until it was handed over and removed.
-- KEYS state (hash) log and the session's other keys
-- ARGV channel ttl_s log_max
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
-- Answers {version, result}:
--   "ended": it has ended now
--   "again": it had ended before
--   "gone": there is no session
local function session_end(keys, a, session)
  if not session then return {0, 'gone'} end
  if session.ended then return {session.version, 'again'} end
  redis.call('HSET', keys[1], 'status', 'ended')
  advance(keys, keys[2], session, a, 'end', '', 'null')
  refresh(keys, a.ttl_s)
  return {session.version, 'ended'}
end

local SESSION_END = {
  name = 'session_end', types = {'hash', 'log'},
  more = true, session = true,
  args = {{'channel', check_channel}, {'ttl_s', check_seconds}, {'log_max', check_log}},
  runs = {'EXISTS', 'EXPIRE', 'HMGET', 'HSET', 'PTTL', 'TIME', 'TYPE', 'UNLINK'},
}
local function call_session_end(keys, args)
  return run(SESSION_END, session_end, keys, args)
end

-- session_hand_over
-- Serves R-607a2 (prd.md:7), US-007 (prd.md:66), US-011 (prd.md:85), US-029 (prd.md:155) and 31 more
-- Acknowledge that the result of an ended session is kept elsewhere; call it after the commit.
-- KEYS state (hash) log and the session's other keys
-- ARGV receipt channel ttl_s log_max
--   receipt: what proves that the result is kept elsewhere, such as the id of its row
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
-- Answers {version, result}:
--   "handed_over": acknowledged: the session may be removed
--   "again": it was acknowledged before
--   "open": refused: it has not ended
--   "gone": there is no session
local function session_hand_over(keys, a, session)
  if not session then return {0, 'gone'} end
  if session.status == 'handed_over' then return {session.version, 'again'} end
  if not session.ended then return {session.version, 'open'} end
  redis.call('HSET', keys[1], 'status', 'handed_over', 'receipt', a.receipt)
  advance(keys, keys[2], session, a, 'handed_over', '', 'null')
  refresh(keys, a.ttl_s)
  return {session.version, 'handed_over'}
end

local SESSION_HAND_OVER = {
  name = 'session_hand_over', types = {'hash', 'log'},
  more = true, session = true,
  args = {{'receipt', check_name}, {'channel', check_channel}, {'ttl_s', check_seconds}, {'log_max', check_log}},
  runs = {'EXISTS', 'EXPIRE', 'HMGET', 'HSET', 'PTTL', 'TIME', 'TYPE', 'UNLINK'},
}
local function call_session_hand_over(keys, args)
  return run(SESSION_HAND_OVER, session_hand_over, keys, args)
end

-- session_remove
-- Serves R-607a2 (prd.md:7), US-007 (prd.md:66), US-011 (prd.md:85), US-029 (prd.md:155) and 31 more
-- Unlink every key of a session whose result was handed over.
-- KEYS state (hash) and the session's other keys
-- ARGV (none)
-- Answers {result} or {"unnamed", part…}:
--   "removed": every key is gone, also where it had gone before
--   "unnamed": nothing was done: the state notes further keys of rounds and the like, whose ends of names follow; call again with them
--   "open": refused: it has not ended
--   "ended": refused: its result was not handed over
local function session_remove(keys, a, session)
  if session and session.status ~= 'handed_over' then return {session.status} end
  local given, unnamed = {}, {'unnamed'}
  for i = 2, #keys do given[part_of(keys[1], keys[i]) or ''] = true end
  for _, field in ipairs(session and redis.call('HKEYS', keys[1]) or {}) do
    local part = starts(field, NOTE) and string.sub(field, #NOTE + 1)
    if part and not given[part] then unnamed[#unnamed + 1] = part end
  end
  if #unnamed > 1 then return unnamed end
  for i = 1, #keys do redis.call('UNLINK', keys[i]) end
  return {'removed'}
end

local SESSION_REMOVE = {
  name = 'session_remove', types = {'hash'},
  more = true, session = true,
  args = {},
  runs = {'EXISTS', 'HKEYS', 'HMGET', 'TYPE', 'UNLINK'},
}
local function call_session_remove(keys, args)
  return run(SESSION_REMOVE, session_remove, keys, args)
end

-- session_record
-- For buzzroom:v1:{<session_id>}:role, buzzroom:v1:{<session_id>}:answer:<round_id>, buzzroom:v1:{<session_id>}:round, buzzroom:v1:{<session_id>}:score, buzzroom:v1:{<session_id>}:buzzer
-- Serves R-534e3 (prd.md:30), R-89745 (prd.md:32), US-010.1 (prd.md:83), US-009.2 (prd.md:79) and 13 more
-- Change one element of a session's collection; a collection at its bound takes no further element, a list is trimmed.
-- KEYS state (hash) log idem (string) target (element) and the session's other keys
-- ARGV channel op_id expected_version type data ttl_s log_max idem_ttl_s command most element [value]
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   expected_version: refuse unless this is the version; empty: any
--   type: type of the event
--   data: JSON (RFC 8259) of the event, at most 256 KiB and 64 levels; empty is null
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: how long the answer of an operation is remembered, seconds
--   command: HSET, HSETNX, HINCRBY, ZADD or ZINCRBY (element value); HDEL, SADD, SREM, ZREM or RPUSH (element)
--   most: elements that the key may hold
--   element: field or member of the collection
--   value: what it holds
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "conflict": expected_version is not the version
--   "taken": HSETNX of what is there
--   "full": the collection is at its bound
--   "ended": the session has ended
--   "gone": there is no session
local function holds(kind, target, element)
  if kind == 'hash' then return redis.call('HEXISTS', target, element) == 1 end
  if kind == 'zset' then return redis.call('ZSCORE', target, element) ~= false end
  return redis.call('SISMEMBER', target, element) == 1
end

-- The command that makes the change, or what is wrong with its value.
local function change_of(target, a)
  local command, value = a.command, a.value
  if ELEMENT[command][2] ~= (value ~= false) then return nil, 'BADARG session_record: value' end
  if command == 'ZADD' or command == 'ZINCRBY' then
    if not decimal(value, -1e300, 1e300) then return nil, 'BADARG session_record: value' end
    return {command, target, value, a.element}
  end
  if command == 'HINCRBY' and not (#value <= 18 and string.match(value, '^%-?%d+$')) then
    return nil, 'BADARG session_record: value'
  end
  return {command, target, a.element, value or nil}
end

local function session_record(keys, a, session)
  local change, wrong = change_of(keys[4], a)
  if wrong then return redis.error_reply(wrong) end
  local refused = refusal(keys[3], session, a)
  if refused then return refused end
  local kind, size = ELEMENT[a.command][1], ELEMENT[a.command][3]
  if size then
    local there = holds(kind, keys[4], a.element)
    if there and a.command == 'HSETNX' then return {session.version, 'taken'} end
    if not there and redis.call(size, keys[4]) >= a.most then return {session.version, 'full'} end
  end
  -- The collection is written first: where its command fails, nothing else has happened.
  local done = redis.pcall(unpack(change))
  if type(done) == 'table' and done.err then
    return string.match(done.err, '^ERR') and redis.error_reply('BADDATA session_record: ' .. done.err) or done
  end
  if kind == 'list' then redis.call('LTRIM', keys[4], -a.most, -1) end
  if size or kind == 'list' then note(keys[1], keys[4]) end
  advance(keys, keys[2], session, a, a.type, a.op_id, a.data)
  remember(keys[3], session, a)
  refresh({keys[1], keys[2], unpack(keys, 4)}, a.ttl_s)
  return {session.version, 'ok'}
end

local SESSION_RECORD = {
  name = 'session_record', types = {'hash', 'log', 'string', 'element'},
  more = true, session = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'expected_version', check_version}, {'type', check_text}, {'data', check_json}, {'ttl_s', check_seconds}, {'log_max', check_log}, {'idem_ttl_s', check_seconds}, {'command', check_command}, {'most', check_count}, {'element', check_bytes}},
  rest = {'value', check_rest_bytes},
  runs = {'EXISTS', 'EXPIRE', 'GET', 'HMGET', 'HSET', 'HSETNX', 'PTTL', 'SET', 'TIME', 'TYPE', 'UNLINK'},
}
local function call_session_record(keys, args)
  return run(SESSION_RECORD, session_record, keys, args)
end

-- session_drop
-- For buzzroom:v1:{<session_id>}:answer:<round_id>
-- Serves R-89745 (prd.md:32), US-010.1 (prd.md:83), US-009.2 (prd.md:79), R-8b319 (redis_planning_summary.md:21) and 4 more
-- Unlink keys with an id of their own that are done with, such as the last round's; how many there were.
-- KEYS state (hash) target and the session's other keys
-- ARGV (none)
-- Answers the number.
local function session_drop(keys, a, session)
  local there = 0
  for i = 2, #keys do
    there = there + redis.call('UNLINK', keys[i])
    local part = session and part_of(keys[1], keys[i])
    if part then redis.call('HDEL', keys[1], NOTE .. part) end
  end
  return there
end

local SESSION_DROP = {
  name = 'session_drop', types = {'hash', 'any'},
  more = true, session = true,
  args = {},
  runs = {'EXISTS', 'HDEL', 'HMGET', 'TYPE', 'UNLINK'},
}
local function call_session_drop(keys, args)
  return run(SESSION_DROP, session_drop, keys, args)
end

-- rate_hit
-- For buzzroom:v1:rate:<action>:<subject>:<window>
-- Serves R-9fa11 (redis_planning_summary.md:26), US-007.1 (prd.md:68)
-- Count one use; the counter is made with its TTL, and gets one where it has none.
-- KEYS target (string)
-- ARGV limit ttl_s
--   limit: how many are let through
--   ttl_s: TTL of the key in seconds
-- Answers {used, result}:
--   "allowed": within the limit
--   "refused": beyond it
local function rate_hit(keys, a)
  local count = redis.pcall('INCR', keys[1])
  if type(count) == 'table' then
    return string.match(count.err, '^ERR') and redis.error_reply('BADSTATE ' .. keys[1] .. ' holds no counter') or count
  end
  if redis.call('PTTL', keys[1]) < 0 then redis.call('EXPIRE', keys[1], a.ttl_s) end
  return {count, count <= a.limit and 'allowed' or 'refused'}
end

local RATE_HIT = {
  name = 'rate_hit', types = {'string'},
  args = {{'limit', check_count}, {'ttl_s', check_seconds}},
  runs = {'EXISTS', 'EXPIRE', 'HMGET', 'INCR', 'PTTL', 'TYPE'},
}
local function call_rate_hit(keys, args)
  return run(RATE_HIT, rate_hit, keys, args)
end

-- due_claim
-- For buzzroom:v1:due:<bucket>
-- Serves US-009.2 (prd.md:79), US-024.1 (prd.md:139), US-010 (prd.md:81), US-011 (prd.md:85) and 2 more
-- Take entries that are due by the server's clock; a claimed one is due again when its claim ends, and no two workers get one.
-- KEYS target (zset)
-- ARGV claim_ms batch
--   claim_ms: how long the entries are this worker's, from the server's clock
--   batch: at most so many, up to 1,000
-- Answers entry, claimed_until, entry, claimed_until ….
local function due_claim(keys, a)
  local now, found = clock(), {}
  local later = digits(now + a.claim_ms)
  for _, entry in ipairs(redis.call('ZRANGEBYSCORE', keys[1], '-inf', digits(now), 'LIMIT', 0, a.batch)) do
    redis.call('ZADD', keys[1], 'XX', later, entry)
    found[#found + 1] = entry
    found[#found + 1] = later
  end
  return found
end

local DUE_CLAIM = {
  name = 'due_claim', types = {'zset'},
  args = {{'claim_ms', check_milliseconds}, {'batch', check_few}},
  runs = {'EXISTS', 'HMGET', 'TIME', 'TYPE', 'ZADD', 'ZRANGEBYSCORE'},
}
local function call_due_claim(keys, args)
  return run(DUE_CLAIM, due_claim, keys, args)
end

-- due_done
-- For buzzroom:v1:due:<bucket>
-- Serves US-009.2 (prd.md:79), US-024.1 (prd.md:139), US-010 (prd.md:81), US-011 (prd.md:85) and 2 more
-- Remove an entry whose work is done.
-- KEYS target (zset)
-- ARGV entry claimed_until
--   entry: entry of the collection
--   claimed_until: as due_claim gave it
-- Answers a result:
--   "done": removed
--   "lost": it has another deadline or another worker's claim meanwhile: it stays
local function due_done(keys, a)
  if tonumber(redis.call('ZSCORE', keys[1], a.entry) or -1) ~= a.claimed_until then return 'lost' end
  redis.call('ZREM', keys[1], a.entry)
  return 'done'
end

local DUE_DONE = {
  name = 'due_done', types = {'zset'},
  args = {{'entry', check_name}, {'claimed_until', check_count}},
  runs = {'EXISTS', 'HMGET', 'TYPE', 'ZREM', 'ZSCORE'},
}
local function call_due_done(keys, args)
  return run(DUE_DONE, due_done, keys, args)
end

-- gateway_add
-- For buzzroom:v1:gateway:<node_id>
-- Add an entry and set the TTL again.
-- KEYS target (set)
-- ARGV entry ttl_s
--   entry: entry of the collection
--   ttl_s: TTL of the key in seconds
-- Answers a result:
--   "new": it was not in the set
--   "known": it was
local function gateway_add(keys, a)
  local new = redis.call('SADD', keys[1], a.entry)
  redis.call('EXPIRE', keys[1], a.ttl_s)
  return new == 1 and 'new' or 'known'
end

local GATEWAY_ADD = {
  name = 'gateway_add', types = {'set'},
  args = {{'entry', check_name}, {'ttl_s', check_seconds}},
  runs = {'EXISTS', 'EXPIRE', 'HMGET', 'SADD', 'TYPE'},
}
local function call_gateway_add(keys, args)
  return run(GATEWAY_ADD, gateway_add, keys, args)
end

redis.register_function('session_create', call_session_create)
redis.register_function('session_join', call_session_join)
redis.register_function('session_leave', call_session_leave)
redis.register_function('session_apply', call_session_apply)
redis.register_function('session_heartbeat', call_session_heartbeat)
redis.register_function('session_sweep', call_session_sweep)
redis.register_function{function_name='session_catch_up', callback=call_session_catch_up, flags={'no-writes'}}
redis.register_function('session_renew', call_session_renew)
redis.register_function{function_name='session_end', callback=call_session_end, flags={'allow-oom'}}
redis.register_function{function_name='session_hand_over', callback=call_session_hand_over, flags={'allow-oom'}}
redis.register_function{function_name='session_remove', callback=call_session_remove, flags={'allow-oom'}}
redis.register_function('session_record', call_session_record)
redis.register_function{function_name='session_drop', callback=call_session_drop, flags={'allow-oom'}}
redis.register_function('rate_hit', call_rate_hit)
redis.register_function('due_claim', call_due_claim)
redis.register_function{function_name='due_done', callback=call_due_done, flags={'allow-oom'}}
redis.register_function('gateway_add', call_gateway_add)

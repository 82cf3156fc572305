-- What every function stands on: arguments, types and rights are checked before its body runs, so that an error writes
-- nothing. A definition of calls.toml becomes a table here; run() goes through it. Each block is delivered where it is used.

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

local function check_longitude(text) return decimal(text, -180, 180) and text end

local function check_latitude(text) return decimal(text, -85.05112878, 85.05112878) and text end

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

-- What the state keeps of a member only as long as the seat: away since when, last one sent when. The owner's absence stays
-- known, since it is what a session is paused for.
local function forget(state, member)
  if redis.call('HGET', state, 'owner') ~= member then redis.call('HDEL', state, 'away:' .. member) end
  redis.call('HDEL', state, 'hidden:pace:' .. member)
end

-- The first of the fields that only the functions may set.
local function reserved(fields)
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if name == 'epoch' or name == 'version' or name == 'receipt' or starts(name, NOTE) then return name end
    if name == 'status' and (value == 'ended' or value == 'handed_over') then return 'status ' .. value end
  end
end

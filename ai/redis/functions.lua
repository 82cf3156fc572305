#!lua name=buzz
-- Buzzroom: the atomic steps of its keyspace, 49 functions. Written by redis-plan: the next
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

-- What FCALL and EVAL reach, by name: a chunk of Lua has room for 200 local names, so each function keeps its own in a block.
local CALLS = {}

local LAST_VERSION = 9007199254740991
local MOST_JSON, DEEPEST_JSON, MOST_NAME, MOST_ID, MOST_FEW, MOST_KEYS = 262144, 64, 1024, 64, 1000, 1000

-- Named at the first call, since a library that is loaded sees no string: each look at a global costs as much as a search.
local str_find, str_match, str_sub, str_byte, str_format, as_whole = nil

-- The same of what is called most; where this text is loaded, redis.call stands as redis_call.
local redis_call, redis_pcall, cjson_encode = nil

-- Whether text is UTF-8 (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF. One pass.
local function is_utf8(text)
  local at = 1
  if str_find(text, '^[^\128-\255]*$') then return true end
  while at <= #text do
    local _, last = str_find(text, '^[%z\1-\127]+', at)
    if not last then _, last = str_find(text, '^[\194-\223][\128-\191]', at) end
    if not last then _, last = str_find(text, '^[\225-\236\238\239][\128-\191][\128-\191]', at) end
    if not last then _, last = str_find(text, '^[\241-\243][\128-\191][\128-\191][\128-\191]', at) end
    if not last then _, last = str_find(text, '^\224[\160-\191][\128-\191]', at) end
    if not last then _, last = str_find(text, '^\237[\128-\159][\128-\191]', at) end
    if not last then _, last = str_find(text, '^\240[\144-\191][\128-\191][\128-\191]', at) end
    if not last then _, last = str_find(text, '^\244[\128-\143][\128-\191][\128-\191]', at) end
    if not last then return false end
    at = last + 1
  end
  return true
end

-- Where the first byte at or after at is that is no white space of JSON, and that byte; behind the text and nil at its end.
local function skip(text, at)
  local byte = str_byte(text, at)
  if byte and byte <= 32 then
    at = str_find(text, '[^ \t\r\n]', at) or #text + 1
    byte = str_byte(text, at)
  end
  return at, byte
end

-- Where the JSON string that opens at the quote ends, or nil.
local function after_string(text, at)
  local _, plain = str_find(text, '^"[^"\\%z\1-\31]*"', at)
  if plain then return plain + 1 end
  at = at + 1
  while true do
    local found = str_find(text, '["\\%z\1-\31]', at)
    local byte = found and str_byte(text, found)
    if byte == 34 then return found + 1 end
    if byte ~= 92 then return nil end
    local _, last = str_find(text, '^[nrt"\\/bf]', found + 1)
    if not last then _, last = str_find(text, '^u%x%x%x%x', found + 1) end
    if not last then return nil end
    at = last + 1
  end
end

local function after_number(text, at)
  local _, behind = str_find(text, '^%-?[1-9]%d*[,%]} ]', at)
  if behind then return behind end
  local _, last = str_find(text, '^%-?[1-9]%d*', at)
  if not last then _, last = str_find(text, '^%-?0', at) end
  if not last then return nil end
  if str_byte(text, last + 1) == 46 then
    _, last = str_find(text, '^%d+', last + 2)
    if not last then return nil end
  end
  local byte = str_byte(text, last + 1)
  if byte == 69 or byte == 101 then
    _, last = str_find(text, '^[+-]?%d+', last + 2)
    if not last then return nil end
  end
  return last + 1
end

local WORDS = {[116] = 'true', [102] = 'false', [110] = 'null'}

local function after_word(text, at, byte)
  local word = WORDS[byte]
  if word and str_sub(text, at, at + #word - 1) == word then return at + #word end
end

-- Where the JSON value that begins at or after at ends, or nil. Each byte is looked at once.
local function after_value(text, at, depth)
  local byte = str_byte(text, at)
  if byte and byte <= 32 then at, byte = skip(text, at) end
  if not byte or depth > DEEPEST_JSON then return nil end
  if byte == 34 then return after_string(text, at) end
  if byte == 45 or (byte >= 48 and byte <= 57) then return after_number(text, at) end
  if byte ~= 123 and byte ~= 91 then return after_word(text, at, byte) end
  local close = byte + 2
  at, byte = skip(text, at + 1)
  if byte == close then return at + 1 end
  while byte do
    if close == 125 then
      local _, colon = str_find(text, '^"[^"\\%z\1-\31]*":', at) -- nearly all are written so
      at = colon or byte == 34 and after_string(text, at)
      if not at then return nil end
      if not colon then at, byte = skip(text, at) end
      if not colon and byte ~= 58 then return nil end
      at = at + 1
    end
    at = after_value(text, at, depth + 1)
    if not at then return nil end
    byte = str_byte(text, at)
    if byte and byte <= 32 then at, byte = skip(text, at) end
    if byte == close then return at + 1 end
    if byte ~= 44 then return nil end
    at, byte = skip(text, at + 1)
  end
end

-- Whether text is JSON as RFC 8259 has it. cjson takes more (NaN, 0x10, 01, Infinity), which no client can read.
local function is_json(text)
  local after = #text <= MOST_JSON and after_value(text, 1, 1)
  return after and (after > #text or skip(text, after) == #text + 1) and is_utf8(text)
end

-- The checks: each takes an argument's text and returns its value, or nil where it is refused.
local function whole(text, least, most)
  local number = #text <= 16 and str_find(text, '^%d+$') and text + 0 -- a call of tonumber costs more
  return number and number >= least and number <= most and number or nil
end

local function check_bytes(text) return text end

local function check_text(text)
  return #text <= MOST_NAME and (str_find(text, '^[^\128-\255]*$') or is_utf8(text)) and text or nil
end

local function check_name(text) return text ~= '' and check_text(text) or nil end

-- The type of an event that carries a version: not one of the functions' own, nor a signal, which carries none.
local OWN_EVENTS = {join = true, leave = true, epoch = true, ['end'] = true, handed_over = true}

local function check_event(text) return not OWN_EVENTS[text] and str_sub(text, 1, 1) ~= '~' and check_name(text) or nil end

local function check_epoch(text) return #text <= 32 and str_find(text, '^%x+$') and text or nil end

-- Seconds stay text: they go to Redis as they came, and a number would be written out anew in each command.
local function check_seconds(text)
  return #text <= 10 and str_find(text, '^[1-9]%d*$') and tonumber(text) <= 1000000000 and text or nil
end

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
  local most, form = str_match(text, '^([1-9]%d*)( ?%a*)$')
  if form ~= '' and form ~= ' stream' then return nil end
  local entries = whole(most, 1, 1000000)
  if not entries then return nil end
  return {entries = entries, most = most, form = form == '' and 'list' or 'stream'}
end

-- The name of a channel; which command publishes to it stands beside it among the arguments, false where there is none.
local function check_channel(text, a)
  if str_find(text, '^%S*$') then
    a.publish = text ~= '' and 'PUBLISH'
    return text
  end
  a.publish = 'SPUBLISH'
  return str_match(text, '^(%S+) sharded$')
end

-- The commands that change one element: the type of the collection, whether a value follows; and what is run beside them,
-- to know whether the element is there and how many there are, or to keep the newest.
local ELEMENT = {
  HSET = {kind = 'hash', value = true, has = 'HEXISTS', size = 'HLEN'},
  HSETNX = {kind = 'hash', value = true, has = 'HEXISTS', size = 'HLEN'},
  HINCRBY = {kind = 'hash', value = true, has = 'HEXISTS', size = 'HLEN'},
  ZADD = {kind = 'zset', value = true, has = 'ZSCORE', size = 'ZCARD'},
  ZINCRBY = {kind = 'zset', value = true, has = 'ZSCORE', size = 'ZCARD'},
  SADD = {kind = 'set', value = false, has = 'SISMEMBER', size = 'SCARD'},
  RPUSH = {kind = 'list', value = false, trim = 'LTRIM'},
  HDEL = {kind = 'hash', value = false},
  ZREM = {kind = 'zset', value = false},
  SREM = {kind = 'set', value = false},
}

-- Types of keys in which a member has an entry; "none" is no key.
local function check_types(text)
  local types = {}
  for word in string.gmatch(text, '%S+') do
    if word ~= 'hash' and word ~= 'zset' and word ~= 'none' then return nil end
    if word ~= 'none' then types[#types + 1] = word end
  end
  return types
end

local function check_rest_fields(args, from)
  if (#args - from) % 2 == 0 or #args - from >= 2 * MOST_FEW then return nil end
  for i = from, #args do -- a snapshot is text: what is none would end the clients that read it
    if not str_find(args[i], '^[^\128-\255]*$') and not is_utf8(args[i]) then return nil end
  end
  return {unpack(args, from)}
end

-- Reads ARGV as the call defines it: a table by name, or nil and what is wrong. Each call has one table, which is filled
-- anew in full: what a call throws away the collector of garbage must find, and that costs as much as the call. What a
-- project always gives is checked once: of an argument that is the same the last text is kept, and what it meant stays.
local function arguments(call, args)
  local a, wanted, last = call.given, call.args, call.last
  for i = 1, #wanted do
    local text = args[i]
    if text ~= last[i] then
      local argument, value = wanted[i], nil
      local name, absent = argument[1], argument[3]
      last[i] = false
      if absent and (text == nil or text == '') then text = absent end
      if text then value = argument[2](text, a) end
      if value == nil then return nil, 'BADARG ' .. call.name .. ': ' .. name end
      a[name] = value
      if argument.same then last[i] = text end
    end
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

local function foreign(key, kind)
  local found = redis_pcall('TYPE', key)
  local is = found.ok
  if not is then return found.err end
  if is ~= 'none' and is ~= kind then return 'WRONGTYPE ' .. key .. ' holds a ' .. is .. ', not a ' .. kind end
end

-- The key, of those at these places, that holds a value of another type than its use.
local function misfit(call, keys, a, places)
  for n = 1, #places do
    local i = places[n]
    local kind = call.types[i]
    if kind == 'log' then kind = (a.log_max or a.max).form end
    if kind == 'element' then kind = ELEMENT[a.command].kind end
    local wrong = foreign(keys[i], kind)
    if wrong then return wrong end
  end
end

-- The command that the caller may not run, so that a missing right is found before the first write and not after it.
local function forbidden(call, keys, a, runs)
  local may, key, missing = redis.acl_check_cmd, keys[1], nil
  if not may then return nil end -- before Redis 7
  for i = 1, #runs do
    if not may(runs[i], key) then return 'NOPERM ' .. call.name .. ': ' .. runs[i] end
  end
  if call.by_form then
    local more = call.by_form[(a.log_max or a.max).form]
    for i = 1, #more do
      if not may(more[i], key) then return 'NOPERM ' .. call.name .. ': ' .. more[i] end
    end
  end
  if a.command then
    local rule = ELEMENT[a.command]
    for _, command in ipairs({a.command, rule.has or rule.trim, rule.size}) do
      if not may(command, key) then missing = command end
    end
  end
  if a.publish and not may(a.publish, a.channel or a.publish_to, '') then
    missing = a.publish .. ' ' .. (a.channel or a.publish_to)
  end
  return missing and 'NOPERM ' .. call.name .. ': ' .. missing
end

local FIELDS = {'epoch', 'version', 'status'}

-- The session's epoch, version and status, and in s the fields that are asked for behind them (false where there is none);
-- nil where it is gone; and what is wrong with a state that is not ours. There is one table, filled anew by each call.
local SESSION = {}

local function session_of(state, asked)
  local f = redis_pcall('HMGET', state, unpack(asked))
  if f.err then return nil, foreign(state, 'hash') or f.err end
  local epoch, version, status = f[1], f[2], f[3]
  if not epoch and not version and redis_pcall('TYPE', state).ok == 'none' then return nil end
  version = version and whole(version, 0, LAST_VERSION - 1)
  if not version or not epoch or not check_epoch(epoch) then
    return nil, 'BADSTATE ' .. state .. ' has no epoch and version that can go on'
  end
  local session, s = SESSION, {}
  local closed = status == 'ended' or status == 'handed_over'
  session.epoch, session.version, session.status, session.ended = epoch, version, closed and status or 'open', closed
  session.now, session.text, session.kept, session.s = false, false, false, s
  for i = 4, #asked do s[asked[i]] = f[i] end
  return session
end

-- Arguments, keys and rights, checked: the arguments by name, or what is wrong.
local function checked(call, keys, args)
  if not str_find then
    str_find, str_match, str_sub, str_byte, str_format = string.find, string.match, string.sub, string.byte, string.format
    redis_call, redis_pcall, cjson_encode = redis.call, redis.pcall, cjson.encode
    as_whole = str_format('%d', LAST_VERSION) == '9007199254740991' and '%d' or '%.0f' -- slower, and right where a long has 32 bits
  end
  local a, wrong = arguments(call, args)
  if wrong then return nil, wrong end
  if #keys < #call.types or #keys > (call.more and MOST_KEYS or #call.types) then
    return nil, 'BADARG ' .. call.name .. ': KEYS'
  end
  return a, forbidden(call, keys, a, call.runs) or misfit(call, keys, a, call.fits)
end

local function run(call, body, keys, args)
  local a, wrong = checked(call, keys, args)
  if wrong then return redis.error_reply(wrong) end
  return body(keys, a)
end

-- What writes the log, in its two forms.
local APPENDS = {list = 'RPUSH', stream = 'XADD'}

-- The same for a call of a session, which its body is given. What the body reads before its first write, and what it writes
-- first, needs no check of its own: where a right is missing or a key is of another type, Redis refuses it and nothing has
-- been written. Such an error is told as the checks tell it.
local function run_session(call, body, keys, args)
  local a, wrong = checked(call, keys, args)
  if not wrong then
    local session, bad = session_of(keys[1], call.asks_of and call.asks_of(a) or call.asks or FIELDS)
    wrong = bad
    if not bad then
      local done, answer = pcall(body, keys, a, session)
      if done then return answer end
      wrong = type(answer) == 'string' and not str_find(answer, '^%u+ ') and 'ERR ' .. answer or answer
    end
  end
  if not a then return redis.error_reply(wrong) end
  local reads = call.reads
  if a.log_max then reads = {APPENDS[a.log_max.form], unpack(reads)} end
  wrong = forbidden(call, keys, a, reads) or misfit(call, keys, a, call.shows) or wrong
  return type(wrong) == 'table' and wrong or redis.error_reply(wrong)
end

local function digits(number) return str_format(as_whole, number) end

local function clock_text()
  local t = redis_call('TIME')
  return t[1] .. (#t[2] == 6 and str_sub(t[2], 1, 3) or str_sub('00000' .. t[2], -6, -4))
end

-- The server's clock in Unix milliseconds: the only clock that anything is decided by. A session that is given keeps it as
-- text, so that its change is not dated by another look.
local function clock(session)
  local text = clock_text()
  if session then session.now = text end
  return tonumber(text)
end

local function tell(a, message)
  if a.publish == 'SPUBLISH' then
    redis_call('SPUBLISH', a.channel or a.publish_to, message)
  elseif a.publish then
    redis_call('PUBLISH', a.channel or a.publish_to, message)
  end
end

-- A TTL is set again only when less than half of it is left: a sliding TTL on every write doubles the AOF. With the
-- state's every key gets its whole TTL again, so none ends before the state does. In between only those are looked at that
-- may be new (from the one at first to the one at last; the log has its TTL from its first entry on) or have an end of their
-- own, as a key with an id of its own has: among the named ones, and behind them the last of all. So many keys as apart says,
-- from the third on, keep the TTL that they were given.
local function refresh(keys, ttl, first, last, apart, named)
  local half = ttl * 500
  if redis_call('PTTL', keys[1]) < half then
    redis_call('EXPIRE', keys[1], ttl)
    redis_call('EXPIRE', keys[2], ttl)
    for i = 3 + apart, #keys do redis_call('EXPIRE', keys[i], ttl) end
    return
  end
  local _, home = str_find(keys[1], '^.*:')
  home = (home or 0) + 1
  for i = first == 2 and 2 or 3 + apart, named do
    local looked_at = i >= first and i <= last or str_find(keys[i], ':', home, true)
    if looked_at and redis_call('PTTL', keys[i]) < half then redis_call('EXPIRE', keys[i], ttl) end
  end
  for i = #keys, named + 1, -1 do
    if not str_find(keys[i], ':', home, true) then return end
    if redis_call('PTTL', keys[i]) < half then redis_call('EXPIRE', keys[i], ttl) end
  end
end

-- The log in its two forms: log_max says which.
local function list_append(log, a, message)
  local length = redis_call('RPUSH', log, message)
  if length > a.log_max.entries then redis_call('LTRIM', log, '-' .. a.log_max.most, '-1') end
  if length == 1 then redis_call('EXPIRE', log, a.ttl_s) end
end

-- The version is the entry's id, so a range of versions is a range of ids. A log that is ahead of its state is the rest of
-- another life: it goes.
local function stream_append(log, a, version, message)
  local added = redis_pcall('XADD', log, 'MAXLEN', a.log_max.most, version .. '-0', 'm', message)
  if type(added) == 'table' and added.err then
    if not str_find(added.err, 'equal or smaller', 1, true) then error(added) end
    redis_call('UNLINK', log)
    redis_call('XADD', log, version .. '-0', 'm', message)
  end
  if redis_call('PTTL', log) < 0 then redis_call('EXPIRE', log, a.ttl_s) end
end

local function list_missed(log, missed)
  return redis_call('LRANGE', log, -missed, -1)
end

local function stream_missed(log, version, missed)
  local found = {}
  for _, e in ipairs(redis_call('XRANGE', log, digits(version + 1) .. '-0', '+', 'COUNT', missed)) do
    found[#found + 1] = e[2][2]
  end
  return found
end

-- The type of an event as JSON: that of the last event is kept, since there are few.
local last_kind, last_json = nil

local function json_of(kind)
  if kind ~= last_kind then last_kind, last_json = kind, cjson_encode(kind) end
  return last_json
end

local NONE = {}

-- Log, fields, version + 1, publish: what must never come apart. The log is written first: where it is no log of ours,
-- nothing else has happened; then comes what a turn has to do before its fields. The session given is at its new version.
local function advance(keys, log, session, a, kind, op, data, fields, first, turn)
  local now, number = session.now or clock_text(), session.version + 1
  local version = str_format(as_whole, number)
  session.now, session.version, session.text = now, number, version
  local message = '{"e":"' .. session.epoch .. '","v":' .. version .. ',"ts":' .. now .. ',"t":' ..
    json_of(kind) .. ',"op":' .. cjson_encode(op) .. ',"d":' .. data .. '}'
  if a.log_max.form == 'stream' then
    stream_append(log, a, version, message)
  else
    list_append(log, a, message)
  end
  if first then first(turn) end
  redis_call('HSET', keys[1], 'version', version, 'updated_at', now, unpack(fields or NONE))
  tell(a, message)
  return number
end

-- The answers of a session's operations are one hash: operation → version. Under '' stands which epoch they belong to, when
-- they are looked through next, and the versions at the last LOOKS looks (the first, and how far each went on from there):
-- "<epoch>:<milliseconds>:<version>,<further>,…". A look comes every fifth of the TTL at most, and lets go what was given
-- LOOKS looks ago: an answer is remembered for four fifths of the TTL at least, and a call in between reads and writes one field.
-- A hash too large for one listpack is looked through STEP answers a call, so that no call goes through thousands: where the
-- next call goes on, and up to which version answers go, stand behind it until the end is reached (":<cursor>:<version>").
local LOOKS, STEP = 4, 100

-- The field of an operation: its id, or the digest of a long one, so that what clients send does not decide what is kept.
local function field_of(op) return #op <= 32 and op or str_sub(redis.sha1hex(op), 1, 32) end

-- The version that an operation made in this epoch, and what is wrong with the key.
local function remembered(idem, session, op)
  local found = op ~= '' and redis_pcall('HMGET', idem, '', #op <= 32 and op or field_of(op))
  if not found then return nil end
  if found.err then return nil, foreign(idem, 'hash') or found.err end
  local kept, head = found[1], session and session.epoch .. ':'
  if not session or not kept or str_sub(kept, 1, #head) ~= head then return nil end
  session.kept = str_sub(kept, #head + 1)
  return found[2] and tonumber(found[2]) or nil
end

-- Lets go of the answers that were given up to a version, from a cursor of HSCAN on, and returns what is to be noted of the
-- rest: '' at the end. A listpack is gone through in one step.
local function let_go(idem, cursor, version)
  if #cursor > 19 then cursor = '0' end -- more digits than a cursor that HSCAN takes for sure: nobody of ours wrote them
  local found, gone = redis_call('HSCAN', idem, cursor, 'COUNT', STEP), {}
  local entries = found[2]
  for i = 1, #entries, 2 do
    if entries[i] ~= '' and (tonumber(entries[i + 1]) or 0) <= version then gone[#gone + 1] = entries[i] end
  end
  for i = 1, #gone, MOST_FEW do redis_call('HDEL', idem, unpack(gone, i, math.min(i + MOST_FEW - 1, #gone))) end
  return found[1] == '0' and '' or ':' .. found[1] .. ':' .. digits(version)
end

-- What stands under '' after a look. One that comes before the last was at its end goes on where that one is.
local function looked(idem, session, a)
  local looks, last, before, rest, kept = {}, 0, session.version - 1, '', session.kept or ''
  for number in string.gmatch(str_match(kept, '^%d+:([%d,]+)') or '', '%d+') do
    looks[#looks + 1], last = tonumber(number), last + tonumber(number)
  end
  if #looks == 0 then redis_call('UNLINK', idem) end -- of another epoch, or none of ours
  if #looks == LOOKS then
    local oldest = table.remove(looks, 1)
    rest = let_go(idem, str_match(kept, '^%d+:[%d,]+:(%d+):') or '0', oldest)
    looks[1] = looks[1] + oldest
  end
  looks[#looks + 1] = before - last
  for i = 1, #looks do looks[i] = digits(looks[i]) end
  return session.epoch .. ':' .. digits(session.now + a.idem_ttl_s * 200) .. ':' .. table.concat(looks, ',') .. rest
end

-- The same where a look is under way: one step further.
local function going_on(idem, session)
  local head, cursor, version = str_match(session.kept, '^(%d+:[%d,]+):(%d+):(%d+)$')
  local rest = cursor and let_go(idem, cursor, tonumber(version)) or ''
  return session.epoch .. ':' .. (head or str_match(session.kept, '^%d+:[%d,]+')) .. rest
end

local function remember(idem, session, a)
  local op, look = a.op_id, session.look
  if op == '' then return end
  if #op > 32 then op = field_of(op) end
  if look == 'due' then
    redis_call('HSET', idem, '', looked(idem, session, a), op, session.text)
    redis_call('EXPIRE', idem, a.idem_ttl_s)
  elseif look then
    redis_call('HSET', idem, '', going_on(idem, session), op, session.text)
  else
    redis_call('HSET', idem, op, session.text)
  end
end

-- Whether this change looks answers through: due, going on, or false. What that takes more of rights is asked for now.
local LOOKING = {'HSCAN', 'HDEL', 'UNLINK', 'EXPIRE'}

local function look_of(session, a)
  if a.op_id == '' then return false end
  local now = session.now or clock_text()
  session.now = now
  local due, pending = str_match(session.kept or '', '^(%d+):[%d,]+(:?)')
  local left = due and due - now -- more than a fifth, once the clock was set back
  local in_time = left and left > 0 and left <= a.idem_ttl_s * 200
  if in_time and pending == '' then return false end
  for _, command in ipairs(redis.acl_check_cmd and LOOKING or NONE) do
    if not redis.acl_check_cmd(command) then error({err = 'NOPERM ' .. command}) end
  end
  return in_time and 'going on' or 'due'
end

-- Why a change may not be made now: {version, result}, or nil where it may.
local function refusal(idem, session, a)
  local before, wrong = remembered(idem, session, a.op_id)
  if wrong then return redis.error_reply(wrong) end
  if not session then return {0, 'gone'} end
  if before then return {before, 'duplicate'} end
  if session.ended then return {session.version, 'ended'} end
  if a.expected_version and a.expected_version ~= session.version then return {session.version, 'conflict'} end
  session.look = look_of(session, a)
end

local function member_of(connection)
  return str_match(connection, '^(.-)#') or connection
end

-- The member's leases, the one that ends first in front. A session's leases are bounded by its capacity.
local function leases(presence, member)
  local mine = {}
  for _, c in ipairs(redis_call('ZRANGE', presence, 0, -1)) do
    if member_of(c) == member then mine[#mine + 1] = c end
  end
  return mine
end

-- Fields of the state that are not the project's to read in a snapshot: "key:answer:7" notes a key of the session with an
-- id of its own, so that who removes the session can name it without SCAN: its value is "round" where a round's end is its
-- own; "hidden:…" is what must not be seen yet.
local NOTE, HIDDEN, ROUND = 'key:', 'hidden:', 'round'

local function starts(text, with)
  return str_sub(text, 1, #with) == with
end

local function part_of(state, key)
  local _, home = str_find(state, '^.*:')
  if not home or not str_find(key, ':', home + 1, true) then return nil end -- as most keys are
  return str_sub(key, 1, home) == str_sub(state, 1, home) and str_sub(key, home + 1) or nil
end

local function note(state, key, of)
  local part = part_of(state, key)
  if part then redis_call('HSETNX', state, NOTE .. part, of or '') end
end

-- What the state keeps of a member only as long as the seat: away since when, last one sent when, at which device, and a role
-- that lets do more than others. The owner's absence stays known, since it is what a session is paused for. The answer is what
-- an event tells copies of it.
local function forget(state, member)
  local gone, role = {}, 'role:' .. member
  redis_call('HDEL', state, 'hidden:pace:' .. member, 'hidden:device:' .. member)
  if redis_call('HGET', state, 'owner') == member then return '' end
  if redis_call('HDEL', state, 'away:' .. member) == 1 then gone[1] = cjson_encode('away:' .. member) end
  local had = redis_call('HGET', state, role)
  if had and had ~= 'spectator' then
    redis_call('HDEL', state, role)
    gone[#gone + 1] = cjson_encode(role)
  end
  return #gone > 0 and ',"del":[' .. table.concat(gone, ',') .. ']' or ''
end

-- What is wrong with the keys, from the one at first on, in which a member has an entry only as long as the seat.
local function unfit(call, keys, first, types)
  for i, kind in ipairs(types) do
    local key = keys[first + i - 1]
    if not key then return 'BADARG ' .. call .. ': with_seat' end
    local wrong = foreign(key, kind)
    if wrong then return wrong end
  end
end

local function vacate(keys, first, types, member)
  for i, kind in ipairs(types) do redis_call(kind == 'zset' and 'ZREM' or 'HDEL', keys[first + i - 1], member) end
end

-- An id as names of keys have it, and as the actions compare it.
local function is_encoded(text) return #text <= MOST_ID and str_find(text, '^[%w_.%-%%~]+$') end

-- What is wrong with the first of the fields that only the functions may set, or that the actions could not go by.
local OWN_FIELDS = {epoch = true, version = true, receipt = true, created_at = true, updated_at = true}

local function reserved(fields)
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if OWN_FIELDS[name] or str_sub(name, 1, 4) == NOTE then return name .. ' belongs to the functions' end
    if name == 'status' and (value == 'ended' or value == 'handed_over') then return 'status ' .. value .. ' belongs to the functions' end
    if name == 'owner' and not is_encoded(value) then return 'owner is no id as names of keys have it (encode_id)' end
  end
end

-- Ends a claim that goes on; whether its entry was given no other deadline meanwhile. One that a look of another worker put
-- off is due now.
local function unclaim(key, a)
  local at = tonumber(redis_call('ZSCORE', key, a.entry) or -1)
  if tonumber(redis_call('ZSCORE', key, 'claimed ' .. a.entry) or -1) == a.claimed_until then
    redis_call('ZREM', key, 'claimed ' .. a.entry)
    if at == a.claimed_until + 1 then redis_call('ZADD', key, 'XX', digits(clock()), a.entry) end
  end
  return at == a.claimed_until
end

-- By name in one table, since a chunk has room for 200 local names.
local GUARD = {}

local ROLES = {cohost = true, moderator = true, spectator = true}

local function check_role(text) return ROLES[text] and text end

-- An id that stands in a field's or a record's name: no bar, which parts a record, no # and no control character.
local function check_id(text)
  local plain = #text <= MOST_NAME and str_find(text, '^[%w_.~%%-]+$') -- nearly all are
  return (plain or check_name(text) and not str_find(text, '[|#%c]')) and text or nil
end

local function time_of(text) return text and whole(text, 0, LAST_VERSION) or nil end

local function role_of(t)
  return t.s.owner == t.a.member and 'host' or t.s['role:' .. t.a.member]
end

-- What stands under a field of a hash, or in a string: "<version>|<state>|<owner>|<until>|<value>". Whose time is over owns
-- nothing. Read once a turn; a value that is no record of ours belongs to nobody who could ask.
local function record_of(t, key, field)
  if t.record then return t.record end
  local text = nil
  if field then text = redis_call('HGET', key, field) else text = redis_call('GET', key) end
  local version, state, owner, ends, value = str_match(text or '0|none||0|', '^(%d+)|(%a+)|([^|]*)|(%d+)|(.*)$')
  ends = tonumber(ends or 0)
  t.record = {version = tonumber(version or 0), state = state or 'foreign', owner = owner or '|', ends = ends, value = value or ''}
  t.record.holder = ends > 0 and t.now >= ends and '' or t.record.owner
  return t.record
end

-- The connections of a member with the ends of their leases; who only watches has "watch:" in front.
local function connections_of(presence, member)
  local found, all = {}, redis_call('ZRANGE', presence, 0, -1, 'WITHSCORES')
  for i = 1, #all, 2 do
    if member_of(all[i]) == member then found[#found + 1] = {name = all[i], ends = tonumber(all[i + 1])} end
  end
  return found
end

function GUARD.seat(t) return redis_call('HEXISTS', t.roster, t.a.member) == 1 end

function GUARD.role(t, roles) return roles[role_of(t) or ''] end

function GUARD.seated(t) return redis_call('HEXISTS', t.roster, t.a.target) == 1 end

function GUARD.belongs(t)
  return t.s.owner == t.a.target or redis_call('HEXISTS', t.roster, t.a.target) == 1 or #connections_of(t.presence, t.a.target) > 0
end

function GUARD.inside(t)
  local who = t.a.target
  if redis_call('HEXISTS', t.roster, who) == 1 then return true end
  return #connections_of(t.presence, who) + #connections_of(t.presence, 'watch:' .. who) > 0
end

function GUARD.led(t) return t.s.owner ~= t.a.target end

-- Who leads without playing has a lease and no seat.
function GUARD.here(t)
  return redis_call('HEXISTS', t.roster, t.a.member) == 1 or #connections_of(t.presence, t.a.member) > 0
end

function GUARD.other(t) return t.a.member ~= t.a.target end

-- What has ended is in no phase: an action that may open it again asks for none.
function GUARD.phase(t, phases) return phases[t.s.phase or 'lobby'] or t.session.status ~= 'open' end

function GUARD.current(t, field, value) return t.s[field] == value end

function GUARD.next(t, field, value) return t.s[field] ~= value end

function GUARD.deadline(t, field)
  local ends = time_of(t.s[field])
  return not ends or t.now < ends
end

function GUARD.due(t, field)
  local ends = time_of(t.s[field])
  return ends and t.now >= ends
end

function GUARD.within(value, least, most) return value >= least and value <= most end

function GUARD.idle(t, after) return t.now >= (time_of(t.s.updated_at) or 0) + after end

function GUARD.admitted(t) return not t.s['hidden:ban:' .. t.a.member] and not t.s['hidden:ban:' .. t.a.device] end

-- Whether nobody but the one has a name, given as JSON and as names are compared.
local function nobody_else(t, folded, one)
  local as, plain, all = '"as":' .. folded .. '}', '{"name":' .. folded .. '}', redis_call('HGETALL', t.roster)
  for i = 1, #all, 2 do
    local taken = str_find(all[i + 1], as, 1, true) or string.lower(all[i + 1]) == plain
    if taken and all[i] ~= one then return false end
  end
  return true
end

function GUARD.own_name(t) return nobody_else(t, cjson_encode(t.a.folded), t.a.member) end

-- What waits for approval is the seat's entry with that name.
function GUARD.free_name(t, key, field)
  local entry = record_of(t, key, field).value
  local folded = str_match(entry, ',"as":(".*")}$') or string.lower(str_match(entry, '^{"name":(".*")}$') or '""')
  return nobody_else(t, folded, field)
end

-- Characters of UTF-8: its bytes without those that go on with one.
local function characters(text) return #string.gsub(text, '[\128-\191]', '') end

-- A name as it is shown, and as names are compared: of ASCII letters it can be told whether the one belongs to the other.
function GUARD.fitting(t, least, most)
  local length, folds = characters(t.a.name), str_find(t.a.name, '[\128-\255]') and t.a.folded or t.a.name
  return length >= least and length <= most and t.a.folded == string.lower(str_match(folds, '^%s*(.-)%s*$'))
end

-- A session may have fewer seats than the project lets any have: its field capacity says how many.
function GUARD.seats(t, most)
  local own = whole(t.s.capacity or '', 1, LAST_VERSION) or most
  return redis_call('HEXISTS', t.roster, t.a.member) == 1 or redis_call('HLEN', t.roster) < math.min(most, own)
end

function GUARD.watchers(t, most)
  local watching = {}
  for _, c in ipairs(redis_call('ZRANGEBYSCORE', t.presence, '(' .. digits(t.now), '+inf')) do
    if starts(c, 'watch:') then watching[member_of(c)] = true end
  end
  watching['watch:' .. t.a.member] = nil
  local count = 0
  for _ in pairs(watching) do count = count + 1 end
  return count < most
end

-- How many fields of the state begin with the text and, where a value is given, hold it; the one given is left out.
local function marks(t, with, value, but)
  local count, all = 0, redis_call('HGETALL', t.state)
  for i = 1, #all, 2 do
    if starts(all[i], with) and (not value or all[i + 1] == value) and all[i] ~= but then count = count + 1 end
  end
  return count
end

function GUARD.holders(t, most) return marks(t, 'role:', t.a.role, 'role:' .. t.a.target) < most end

function GUARD.bans(t, most) return marks(t, 'hidden:ban:') + 2 <= most end

function GUARD.gone(t, after)
  local since = t.s.owner and time_of(redis_call('HGET', t.state, 'away:' .. t.s.owner))
  return since and t.now >= since + after
end

-- A lease ends a lease's length after the heartbeat that renewed it. Who never had one was not heard since the beginning.
function GUARD.silent(t, after, lease)
  local heard, leases = 0, connections_of(t.presence, t.a.target)
  for _, c in ipairs(leases) do heard = math.max(heard, c.ends - lease) end
  if #leases == 0 then heard = time_of(t.s.created_at) or 0 end
  return t.now >= heard + after
end

function GUARD.marked(t) return not t.s['away:' .. t.a.target] end

-- Nobody waits for who leads or watches without a seat, nor for who is marked away. Nobody is not everybody: where all of
-- them are gone for a moment, nothing is over.
function GUARD.everyone(t, key)
  local all = false
  for _, c in ipairs(redis_call('ZRANGEBYSCORE', t.presence, '(' .. digits(t.now), '+inf')) do
    local member = member_of(c)
    local asked = redis_call('HEXISTS', t.roster, member) == 1 and redis_call('HEXISTS', t.state, 'away:' .. member) == 0
    if asked and redis_call('HEXISTS', key, member) == 0 then return false end
    all = all or asked
  end
  return all
end

-- The fields of the state that note keys of rounds. Each has to be among the keys that were given, to be unlinked with
-- them: t.unnamed has those that are not.
local function rounds_of(t)
  local noted, all = {}, redis_call('HGETALL', t.state)
  for i = 1, #all, 2 do
    if starts(all[i], NOTE) and all[i + 1] == ROUND then noted[str_sub(all[i], #NOTE + 1)] = all[i] end
  end
  return noted
end

function GUARD.complete(t)
  local given = {}
  for _, key in ipairs(t.keys) do given[part_of(t.state, key) or ''] = true end
  t.unnamed = {}
  for part in pairs(rounds_of(t)) do
    if not given[part] then t.unnamed[#t.unnamed + 1] = part end
  end
  return #t.unnamed == 0
end

local function has_hash(key, field) return redis_call('HEXISTS', key, field) == 1 end

local function has_zset(key, field) return redis_call('ZSCORE', key, field) ~= false end

function GUARD.group(t, key, field, value, most)
  local count, all = 0, redis_call('HGETALL', key)
  for i = 1, #all, 2 do
    if all[i] ~= field and all[i + 1] == value then count = count + 1 end
  end
  return count < most
end

function GUARD.state(t, key, field, states) return states[record_of(t, key, field).state] end

function GUARD.unchanged(t, key, field) return record_of(t, key, field).version == t.a.expected end

-- The last gain of a member is a field of the state: "<reason>|<amount>".
local GAINED = HIDDEN .. 'gained:'

function GUARD.gained(t)
  local reason, amount = str_match(t.s[GAINED .. t.a.target] or '', '^([^|]*)|(%d+)$')
  t.gained = tonumber(amount)
  return reason == t.a.reason
end

local function set_field(t, field, value)
  t.set[#t.set + 1], t.set[#t.set + 2], t.s[field] = field, value, value
end

local function clear_field(t, field)
  t.del[#t.del + 1], t.s[field] = field, false
end

local function settle(t)
  if #t.del > 0 then redis_call('HDEL', t.state, unpack(t.del)) end
end

-- What a copy of the state needs of this change: the fields that were set and those that went, but nothing hidden.
local function changes(t)
  local set, gone = {}, {}
  for i = 1, #t.set, 2 do
    if not starts(t.set[i], HIDDEN) then set[#set + 1] = cjson_encode(t.set[i]) .. ':' .. cjson_encode(tostring(t.set[i + 1])) end
  end
  for _, field in ipairs(t.del) do
    if not starts(field, HIDDEN) then gone[#gone + 1] = cjson_encode(field) end
  end
  return '"set":{' .. table.concat(set, ',') .. '},"del":[' .. table.concat(gone, ',') .. ']'
end

-- A field of the state as an event shows it: times and counts as numbers, what is not there as null.
local function shown(value)
  if not value then return 'null' end
  return time_of(value) and digits(tonumber(value)) or cjson_encode(value)
end

-- What a team's own Lua puts into the event: whole numbers in full, anything else as cjson has it, nothing as null.
local function told(value)
  if type(value) == 'number' and value == math.floor(value) and math.abs(value) <= LAST_VERSION then return digits(value) end
  return value == nil and 'null' or cjson_encode(value)
end

local function effect_phase(t, to, keeps)
  if keeps then set_field(t, keeps, t.s.phase or 'lobby') end
  set_field(t, 'phase', to)
end

local function effect_phase_back(t, keeps)
  set_field(t, 'phase', t.s[keeps] or 'lobby')
  clear_field(t, keeps)
end

-- What ends has no phase any more, and no timer of one.
local function effect_close(t)
  set_field(t, 'status', 'ended')
  for _, field in ipairs({'phase', 'phase_until', 'phase_left', 'phase_before', 'turn_until'}) do clear_field(t, field) end
end

local function effect_reopen(t)
  if t.session.status == 'open' then return end
  set_field(t, 'status', 'open')
  clear_field(t, 'receipt')
end

local function effect_forget_rounds(t)
  local noted = rounds_of(t)
  for _, key in ipairs(t.keys) do
    local field = noted[part_of(t.state, key) or '']
    if field then
      redis_call('UNLINK', key)
      redis_call('HDEL', t.state, field)
    end
  end
  for _, field in ipairs(redis_call('HKEYS', t.state)) do
    if starts(field, GAINED) then redis_call('HDEL', t.state, field) end
  end
end

local function effect_timer(t, field, after) set_field(t, field, digits(t.now + after)) end

local function effect_stop(t, field, left)
  local ends = time_of(t.s[field])
  if ends then set_field(t, left, digits(math.max(0, ends - t.now))) end
  clear_field(t, field)
end

local function effect_go(t, field, left)
  local rest = time_of(t.s[left])
  if rest then set_field(t, field, digits(t.now + rest)) end
  clear_field(t, left)
end

local function effect_gain(t, key, field)
  redis_call('ZINCRBY', key, digits(t.a.amount), field)
  set_field(t, GAINED .. t.a.target, t.a.reason .. '|' .. digits(t.a.amount))
end

local function effect_lose(t, key, field)
  redis_call('ZINCRBY', key, digits(-t.gained), field)
  clear_field(t, GAINED .. t.a.target)
end

local function effect_empty(t, key)
  redis_call('UNLINK', key)
  local part = part_of(t.state, key)
  if part then redis_call('HDEL', t.state, NOTE .. part) end
end

-- The record one version further: what is not given stays; a new owner without an end has none.
local function record_text(t, key, field, state, owner, after, value)
  local r = record_of(t, key, field)
  r.ends = after and t.now + after or owner and 0 or r.ends
  r.owner = owner or r.owner
  return digits(r.version + 1) .. '|' .. (state or r.state) .. '|' .. r.owner .. '|' .. digits(r.ends) .. '|' .. (value or r.value)
end

local function effect_record_hash(t, key, field, state, owner, after, value)
  redis_call('HSET', key, field, record_text(t, key, field, state, owner, after, value))
end

-- A seat's entry. As names are compared is told only where small letters alone do not tell it: most entries then stay within
-- the 64 B up to which a hash is a listpack.
local function seat_of(t)
  local name = '{"name":' .. cjson_encode(t.a.name)
  return string.lower(t.a.name) == t.a.folded and name .. '}' or name .. ',"as":' .. cjson_encode(t.a.folded) .. '}'
end

-- A name that nobody approved yet waits beside the seat; one that was refused stays so until another is given.
local function effect_check_name(t, key, state)
  if t.s.checks_names ~= '1' then return end
  local entry, known = seat_of(t), record_of(t, key, t.a.member)
  if known.value == entry and known.state == 'approved' then return end
  if known.value ~= entry then redis_call('HSET', key, t.a.member, record_text(t, key, t.a.member, state, t.a.member, nil, entry)) end
  t.a.name, t.a.folded = '', ''
end

local function effect_show_name(t, key, field)
  local entry = record_of(t, key, field).value
  redis_call('HSET', t.roster, field, entry)
  t.approved = str_match(entry, '^{"name":(".*"),"as":') or str_match(entry, '^{"name":(".*")}$') or '""'
end

-- Seat and lease; connections beyond the bound give way, those that end first in front.
local function effect_sit(t, lease, most)
  local me, mine = t.a.member .. '#' .. t.a.connection, connections_of(t.presence, t.a.member)
  local others, taken = #mine, {}
  for _, c in ipairs(mine) do
    if c.name == me then others = others - 1 end
  end
  for _, c in ipairs(mine) do
    if c.name ~= me and others >= most then
      redis_call('ZREM', t.presence, c.name)
      taken[#taken + 1], others = cjson_encode(c.name), others - 1
    end
  end
  t.taken = '[' .. table.concat(taken, ',') .. ']'
  redis_call('ZADD', t.presence, digits(t.now + lease), me)
  redis_call('HSET', t.roster, t.a.member, seat_of(t))
  clear_field(t, 'away:' .. t.a.member)
end

local function effect_lease(t, lease, as)
  redis_call('ZADD', t.presence, digits(t.now + lease), as .. t.a.member .. '#' .. t.a.connection)
end

-- Who asks for a ban knows the member and not the device. Where that is the member's own id it needs no field.
local function effect_device(t)
  local field, known = 'hidden:device:' .. t.a.member, t.a.device ~= t.a.member and t.a.device
  if known and known ~= t.s[field] then set_field(t, field, known) end
  if not known and t.s[field] then clear_field(t, field) end
end

local function effect_ban(t)
  local device = t.s['hidden:device:' .. t.a.target]
  set_field(t, 'hidden:ban:' .. t.a.target, device or t.a.target)
  if device then set_field(t, 'hidden:ban:' .. device, '1') end
end

local function effect_unseat(t)
  redis_call('HDEL', t.roster, t.a.target)
  for _, who in ipairs({t.a.target, 'watch:' .. t.a.target}) do
    for _, c in ipairs(connections_of(t.presence, who)) do redis_call('ZREM', t.presence, c.name) end
  end
  clear_field(t, 'role:' .. t.a.target)
  clear_field(t, GAINED .. t.a.target)
  if redis_call('HGET', t.state, 'owner') ~= t.a.target then clear_field(t, 'away:' .. t.a.target) end
  forget(t.state, t.a.target)
end

-- session_create
-- Serves US-001 (prd.md:39), US-001.3 (prd.md:43)
-- Make the session; leftovers under its other keys (their state was lost) are unlinked first. Its id is opened_as(owner, operation), so that a double click makes one: who finds no code in it draws one.
-- KEYS state (hash) roster log and the session's other keys
-- ARGV epoch ttl_s [field value]...
--   epoch: 1 to 32 hex digits that change whenever what clients know must be read anew
--   ttl_s: TTL of the key in seconds
--   fields: fields and their values, at most 1,000 pairs
-- Answers a result:
--   "created": version 0, status open
--   "exists": it is there already, in whatever status; nothing was written
do
local function session_create(keys, a, session)
  local wrong = reserved(a.fields)
  if wrong then return redis.error_reply('BADARG session_create: ' .. wrong) end
  if session then return 'exists' end
  local now = clock_text()
  for i = 2, #keys do redis_call('UNLINK', keys[i]) end
  redis_call('HSET', keys[1], 'status', 'open', 'epoch', a.epoch, 'version', '0', 'created_at', now, 'updated_at', now,
    unpack(a.fields))
  redis_call('EXPIRE', keys[1], a.ttl_s)
  return 'created'
end

local SESSION_CREATE = {
  name = 'session_create', types = {'hash', 'any', 'any'},
  fits = {}, shows = {},
  more = true,
  args = {{'epoch', check_epoch}, {'ttl_s', check_seconds, same = true}},
  given = {}, last = {false, false},
  rest = {'fields', check_rest_fields},
  runs = {'EXPIRE', 'HSET', 'UNLINK'}, reads = {'HMGET', 'TIME', 'TYPE'},
}
CALLS['session_create'] = function(keys, args)
  return run_session(SESSION_CREATE, session_create, keys, args)
end
end

-- session_join
-- For buzz:v1:{<session_id>}:state, buzz:v1:{<session_id>}:roster, buzz:v1:{<session_id>}:presence, buzz:v1:{<session_id>}:log
-- Take a seat and a lease; a member who has a seat takes no second one.
-- KEYS state (hash) roster (hash) presence (zset) log and the session's other keys
-- ARGV member data capacity lease_ms ttl_s channel log_max [connections_max]
--   member: "<member_id>" or "<member_id>#<connection>": the seat belongs to the id, the lease to the whole
--   data: JSON (RFC 8259) of the event, at most 256 KiB and 64 levels; empty is null
--   capacity: seats, fewer where the field capacity of the state says so; empty: as that field says, else no bound
--   lease_ms: how long the lease runs, from the server's clock
--   ttl_s: TTL of the key in seconds
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   connections_max: connections of one member; one more takes over the lease that ends first
-- Answers {version, result}:
--   "joined": a seat, new data or a taken-over connection, and everybody is told
--   "again": it had the seat and the same data: only the lease is new
--   "full": no seat is left
--   "banned": this member was banned from here
--   "ended": the session has ended
--   "gone": there is no session
do
local function session_join(keys, a, session)
  if not session then return {0, 'gone'} end
  if session.ended then return {session.version, 'ended'} end
  local member = member_of(a.member)
  if member == '' then return redis.error_reply('BADARG session_join: member') end
  if redis_call('HEXISTS', keys[1], 'hidden:ban:' .. member) == 1 then return {session.version, 'banned'} end
  local old = redis_call('HGET', keys[2], member)
  local own = whole(redis_call('HGET', keys[1], 'capacity') or '9007199254740991', 1, LAST_VERSION)
  if not own then return redis.error_reply('BADSTATE ' .. keys[1] .. ' has a capacity that is no number') end
  if not old and redis_call('HLEN', keys[2]) >= math.min(a.capacity or own, own) then return {session.version, 'full'} end
  local taken = nil
  if old and not redis_call('ZSCORE', keys[3], a.member) then
    local mine = leases(keys[3], member)
    if #mine >= a.connections_max then taken = mine[1] end
  end
  redis_call('ZADD', keys[3], digits(clock() + a.lease_ms), a.member)
  if taken then redis_call('ZREM', keys[3], taken) end
  local data = old and a.data == 'null' and old or a.data -- who says nothing of itself keeps what was said
  local told = old ~= data or taken ~= nil
  if told then
    redis_call('HSET', keys[2], member, data)
    local about = '{"m":' .. cjson_encode(member) .. ',"c":' .. cjson_encode(a.member) ..
      (taken and ',"taken":' .. cjson_encode(taken) or '') .. ',"data":' .. data .. '}'
    advance(keys, keys[4], session, a, 'join', '', about)
  end
  refresh(keys, a.ttl_s, 2, 3, 0, 4)
  return {session.version, told and 'joined' or 'again'}
end

local SESSION_JOIN = {
  name = 'session_join', types = {'hash', 'hash', 'zset', 'log'},
  fits = {2, 3, 4}, shows = {},
  more = true,
  args = {{'member', check_name}, {'data', check_json}, {'capacity', check_seats, same = true}, {'lease_ms', check_milliseconds, same = true}, {'ttl_s', check_seconds, same = true}, {'channel', check_channel}, {'log_max', check_log, same = true}, {'connections_max', check_few, '2', same = true}},
  given = {}, last = {false, false, false, false, false, false, false, false},
  runs = {'EXPIRE', 'HEXISTS', 'HGET', 'HLEN', 'HSET', 'PTTL', 'ZADD', 'ZRANGE', 'ZREM', 'ZSCORE'}, reads = {'HMGET', 'TIME', 'TYPE'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'UNLINK', 'XADD'}},
}
CALLS['session_join'] = function(keys, args)
  return run_session(SESSION_JOIN, session_join, keys, args)
end
end

-- session_leave
-- Serves US-001 (prd.md:39)
-- Give back the seat with all connections, or one connection and the seat with the last of them; what a member has only with the seat goes.
-- KEYS state (hash) roster (hash) presence (zset) log and the session's other keys
-- ARGV member ttl_s channel log_max [with_seat]
--   member: "<member_id>" or "<member_id>#<connection>": the seat belongs to the id, the lease to the whole
--   ttl_s: TTL of the key in seconds
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   with_seat: types, in their order, of the first of the session's other keys, those in which a member has an entry only as long as the seat: hash or zset; none: there is no such key
-- Answers {version, result}:
--   "left": the seat is free and everybody is told
--   "stays": one connection less; the seat stays with the others
--   "absent": it was not there
--   "ended": the session has ended: its roster is part of the result
--   "gone": there is no session
do
local function session_leave(keys, a, session)
  if not session then return {0, 'gone'} end
  if session.ended then return {session.version, 'ended'} end
  local wrong = unfit('session_leave', keys, 5, a.with_seat)
  if wrong then return redis.error_reply(wrong) end
  local member = member_of(a.member)
  local mine = leases(keys[3], member)
  clock(session)
  if a.member ~= member then
    if redis_call('ZREM', keys[3], a.member) == 0 then return {session.version, 'absent'} end
    if #mine > 1 then
      refresh(keys, a.ttl_s, 2, 3, 0, 4)
      return {session.version, 'stays'}
    end
  else
    if redis_call('HEXISTS', keys[2], member) == 0 then return {session.version, 'absent'} end
    for _, c in ipairs(mine) do redis_call('ZREM', keys[3], c) end
  end
  redis_call('HDEL', keys[2], member)
  vacate(keys, 5, a.with_seat, member)
  local gone = forget(keys[1], member)
  local about = '{"m":' .. cjson_encode(member) .. ',"c":' .. cjson_encode(a.member) .. ',"why":"left"' .. gone .. '}'
  advance(keys, keys[4], session, a, 'leave', '', about)
  refresh(keys, a.ttl_s, 2, 3, 0, 4)
  return {session.version, 'left'}
end

local SESSION_LEAVE = {
  name = 'session_leave', types = {'hash', 'hash', 'zset', 'log'},
  fits = {2, 3, 4}, shows = {},
  more = true,
  args = {{'member', check_name}, {'ttl_s', check_seconds, same = true}, {'channel', check_channel}, {'log_max', check_log, same = true}, {'with_seat', check_types, 'none', same = true}},
  given = {}, last = {false, false, false, false, false},
  runs = {'EXPIRE', 'HDEL', 'HEXISTS', 'HGET', 'HSET', 'PTTL', 'ZRANGE', 'ZREM'}, reads = {'HMGET', 'TIME', 'TYPE'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'UNLINK', 'XADD'}},
}
CALLS['session_leave'] = function(keys, args)
  return run_session(SESSION_LEAVE, session_leave, keys, args)
end
end

-- session_apply
-- For buzz:v1:{<session_id>}:state, buzz:v1:{<session_id>}:log, buzz:v1:{<session_id>}:idem, buzz:v1:{<session_id>}:answer:<round_id>, buzz:v1:{<session_id>}:score, buzz:v1:{<session_id>}:buzzer, buzz:v1:{<session_id>}:name, buzz:v1:{<session_id>}:team
-- Change fields of the state by one event.
-- KEYS state (hash) log idem (hash) and the session's other keys
-- ARGV channel op_id expected_version type data ttl_s log_max idem_ttl_s [field value]...
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   expected_version: refuse unless this is the version; empty: any
--   type: type of the event; not one of the functions' own (join, leave, epoch, end, handed_over), nor ~…, which is a signal
--   data: JSON (RFC 8259) of the event, at most 256 KiB and 64 levels; empty is null
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   fields: fields and their values, at most 1,000 pairs
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "conflict": expected_version is not the version
--   "ended": the session has ended
--   "gone": there is no session
do
local function session_apply(keys, a, session)
  local wrong = reserved(a.fields)
  if wrong then return redis.error_reply('BADARG session_apply: ' .. wrong) end
  local refused = refusal(keys[3], session, a)
  if refused then return refused end
  advance(keys, keys[2], session, a, a.type, a.op_id, a.data, a.fields)
  remember(keys[3], session, a)
  refresh(keys, a.ttl_s, 3, 2, 1, 3)
  return {session.version, 'ok'}
end

local SESSION_APPLY = {
  name = 'session_apply', types = {'hash', 'log', 'hash'},
  fits = {}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'expected_version', check_version, same = true}, {'type', check_event, same = true}, {'data', check_json}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}},
  given = {}, last = {false, false, false, false, false, false, false, false},
  rest = {'fields', check_rest_fields},
  runs = {'EXPIRE', 'HSET', 'PTTL'}, reads = {'HDEL', 'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['session_apply'] = function(keys, args)
  return run_session(SESSION_APPLY, session_apply, keys, args)
end
end

-- session_heartbeat
-- Serves redis_planning_summary.md:17
-- Renew a lease.
-- KEYS state (hash) presence (zset) and the session's other keys
-- ARGV member lease_ms ttl_s [silent_ms]
--   member: "<member_id>" or "<member_id>#<connection>": the seat belongs to the id, the lease to the whole
--   lease_ms: how long the lease runs, from the server's clock
--   ttl_s: TTL of the key in seconds
--   silent_ms: how long ago the last sign of life came, in milliseconds: the lease runs from then
-- Answers a result:
--   "renewed": the lease runs from the last sign of life
--   "lapsed": the lease was swept: join again
--   "ended": the session has ended
--   "gone": there is no session
do
local function session_heartbeat(keys, a, session)
  if not session then return 'gone' end
  if session.ended then return 'ended' end
  local lease = a.member
  if not redis_call('ZSCORE', keys[2], lease) then lease = 'watch:' .. a.member end -- who only watches
  if not redis_call('ZSCORE', keys[2], lease) then return 'lapsed' end
  redis_call('ZADD', keys[2], digits(clock() + a.lease_ms - a.silent_ms), lease) -- also earlier than it was: a clock may have been set back
  refresh(keys, a.ttl_s, 2, 2, 0, 2)
  return 'renewed'
end

local SESSION_HEARTBEAT = {
  name = 'session_heartbeat', types = {'hash', 'zset'},
  fits = {2}, shows = {},
  more = true,
  args = {{'member', check_name}, {'lease_ms', check_milliseconds, same = true}, {'ttl_s', check_seconds, same = true}, {'silent_ms', check_whole, '0', same = true}},
  given = {}, last = {false, false, false, false},
  runs = {'EXPIRE', 'PTTL', 'ZADD', 'ZSCORE'}, reads = {'HMGET', 'TIME', 'TYPE'},
}
CALLS['session_heartbeat'] = function(keys, args)
  return run_session(SESSION_HEARTBEAT, session_heartbeat, keys, args)
end
end

-- session_sweep
-- Serves US-019.1 (prd.md:117), redis_planning_summary.md:15
-- Remove connections whose lease has lapsed by the server's clock, at most 100 a call, and publish the seats that go with them, as session_leave does. An ended session is left alone, no TTL is refreshed, keys whose state is lost are unlinked; its idem ends by its TTL and answers nothing of another epoch.
-- KEYS state (hash) roster (hash) presence (zset) log and the session's other keys
-- ARGV channel ttl_s log_max [with_seat]
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   with_seat: types, in their order, of the first of the session's other keys, those in which a member has an entry only as long as the seat: hash or zset; none: there is no such key
-- Answers the names.
do
local function session_sweep(keys, a, session)
  if not session then
    local orphans = redis_call('ZRANGE', keys[3], 0, 99)
    for i = 2, #keys do redis_call('UNLINK', keys[i]) end
    return orphans
  end
  local wrong = unfit('session_sweep', keys, 5, a.with_seat)
  if wrong then return redis.error_reply(wrong) end
  local lapsed = {}
  if not session.ended then
    lapsed = redis_call('ZRANGEBYSCORE', keys[3], '-inf', '(' .. digits(clock()), 'LIMIT', 0, 100)
  end
  if #lapsed > 0 then
    redis_call('ZREM', keys[3], unpack(lapsed))
    local live = {}
    for _, c in ipairs(redis_call('ZRANGE', keys[3], 0, -1)) do live[member_of(c)] = true end
    for _, c in ipairs(lapsed) do
      local member = member_of(c)
      if not live[member] and redis_call('HDEL', keys[2], member) == 1 then
        vacate(keys, 5, a.with_seat, member)
        local gone = forget(keys[1], member)
        local about = '{"m":' .. cjson_encode(member) .. ',"c":' .. cjson_encode(c) .. ',"why":"lease"' .. gone .. '}'
        advance(keys, keys[4], session, a, 'leave', '', about)
      elseif starts(member, 'watch:') and not live[member] and not live[str_sub(member, 7)] then
        redis_call('HDEL', keys[1], 'hidden:device:' .. str_sub(member, 7))
      end
    end
  end
  for i = 1, #keys do
    if redis_call('TTL', keys[i]) == -1 then redis_call('EXPIRE', keys[i], a.ttl_s) end
  end
  return lapsed
end

local SESSION_SWEEP = {
  name = 'session_sweep', types = {'hash', 'hash', 'zset', 'log'},
  fits = {2, 3, 4}, shows = {},
  more = true,
  args = {{'channel', check_channel}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'with_seat', check_types, 'none', same = true}},
  given = {}, last = {false, false, false, false},
  runs = {'EXPIRE', 'HDEL', 'HGET', 'HSET', 'TTL', 'UNLINK', 'ZRANGE', 'ZRANGEBYSCORE', 'ZREM'}, reads = {'HMGET', 'TIME', 'TYPE'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'PTTL', 'XADD'}},
}
CALLS['session_sweep'] = function(keys, args)
  return run_session(SESSION_SWEEP, session_sweep, keys, args)
end
end

-- session_catch_up
-- Serves US-019 (prd.md:115), US-019.2 (prd.md:118), US-027 (prd.md:149), redis_planning_summary.md:13
-- What a client missed; a snapshot, without fields key:… and hidden:…, for another epoch, a client that is ahead, or more than max missed events.
-- KEYS state (hash) log
-- ARGV known_epoch version max [overlap]
--   known_epoch: epoch that the client has; empty where it has none
--   version: version that the client has
--   max: missed events beyond which a snapshot is given; "<entries> stream" where the log is a stream
--   overlap: so many events that the client has begin the delta, so that it sees whether its last one is the server's
-- Answers {"delta", version, event…}, {"snapshot", version, epoch, field, value…} or {"gone"}.
do
local function session_catch_up(keys, a, session)
  if not session then return {'gone'} end
  local missed, from = session.version - a.version, a.version - math.min(a.version, a.overlap)
  if session.epoch == a.known_epoch and missed >= 0 and missed <= a.max.entries then
    local found, delta = {}, {'delta', session.version}
    local wanted = session.version - from
    if wanted > 0 and a.max.form == 'stream' then
      found = stream_missed(keys[2], from, wanted)
    elseif wanted > 0 then
      found = list_missed(keys[2], wanted)
    end
    local whole_delta = #found == wanted
    for i, entry in ipairs(found) do
      local e, v = str_match(entry, '^{"e":"(%x+)","v":(%d+),')
      whole_delta = whole_delta and e == session.epoch and tonumber(v) == from + i
      delta[#delta + 1] = entry
    end
    if whole_delta then return delta end
  end
  local snapshot = {'snapshot', session.version, session.epoch}
  local all = redis_call('HGETALL', keys[1])
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
  fits = {2}, shows = {},
  args = {{'known_epoch', check_text}, {'version', check_whole}, {'max', check_log, same = true}, {'overlap', check_whole, '0', same = true}},
  given = {}, last = {false, false, false, false},
  runs = {'HGETALL'}, reads = {'HMGET', 'TYPE'},
  by_form = {list = {'LRANGE'}, stream = {'XRANGE'}},
}
CALLS['session_catch_up'] = function(keys, args)
  return run_session(SESSION_CATCH_UP, session_catch_up, keys, args)
end
end

-- session_renew
-- For buzz:v1:{<session_id>}:state, buzz:v1:{<session_id>}:roster, buzz:v1:{<session_id>}:presence, buzz:v1:{<session_id>}:log, buzz:v1:{<session_id>}:answer:<round_id>, buzz:v1:{<session_id>}:score, buzz:v1:{<session_id>}:buzzer, buzz:v1:{<session_id>}:name, buzz:v1:{<session_id>}:team
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
do
local function session_renew(keys, a, session)
  if not session then return {0, 'gone'} end
  if session.epoch == a.epoch then return {session.version, 'same'} end
  session.epoch = a.epoch
  advance(keys, keys[2], session, a, 'epoch', '', 'null', {'epoch', a.epoch})
  refresh(keys, a.ttl_s, 2, 1, 0, 2)
  return {session.version, 'renewed'}
end

local SESSION_RENEW = {
  name = 'session_renew', types = {'hash', 'log'},
  fits = {}, shows = {2},
  more = true,
  args = {{'epoch', check_epoch}, {'channel', check_channel}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}},
  given = {}, last = {false, false, false, false},
  runs = {'EXPIRE', 'HSET', 'PTTL'}, reads = {'HMGET', 'TIME', 'TYPE'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['session_renew'] = function(keys, args)
  return run_session(SESSION_RENEW, session_renew, keys, args)
end
end

-- session_end
-- For buzz:v1:{<session_id>}:state, buzz:v1:{<session_id>}:roster, buzz:v1:{<session_id>}:presence, buzz:v1:{<session_id>}:log, buzz:v1:{<session_id>}:answer:<round_id>, buzz:v1:{<session_id>}:score, buzz:v1:{<session_id>}:buzzer, buzz:v1:{<session_id>}:name, buzz:v1:{<session_id>}:team
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
do
local function session_end(keys, a, session)
  if not session then return {0, 'gone'} end
  if session.ended then return {session.version, 'again'} end
  advance(keys, keys[2], session, a, 'end', '', 'null', {'status', 'ended'})
  refresh(keys, a.ttl_s, 2, 1, 0, 2)
  return {session.version, 'ended'}
end

local SESSION_END = {
  name = 'session_end', types = {'hash', 'log'},
  fits = {}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}},
  given = {}, last = {false, false, false},
  runs = {'EXPIRE', 'HSET', 'PTTL'}, reads = {'HMGET', 'TIME', 'TYPE'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['session_end'] = function(keys, args)
  return run_session(SESSION_END, session_end, keys, args)
end
end

-- session_hand_over
-- Serves US-023.1 (prd.md:135)
-- Acknowledge that the result of an ended session is kept elsewhere; call it after the commit.
-- KEYS state (hash) log and the session's other keys
-- ARGV receipt channel ttl_s log_max
--   receipt: what proves that the result is kept elsewhere, such as the id of its row; a field of the state, so that members see it
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
-- Answers {version, result}:
--   "handed_over": acknowledged: the session may be removed
--   "again": it was acknowledged before
--   "open": refused: it has not ended
--   "gone": there is no session
do
local function session_hand_over(keys, a, session)
  if not session then return {0, 'gone'} end
  if session.status == 'handed_over' then return {session.version, 'again'} end
  if not session.ended then return {session.version, 'open'} end
  local told = '{"set":{"receipt":' .. cjson_encode(a.receipt) .. '}}'
  advance(keys, keys[2], session, a, 'handed_over', '', told, {'status', 'handed_over', 'receipt', a.receipt})
  refresh(keys, a.ttl_s, 2, 1, 0, 2)
  return {session.version, 'handed_over'}
end

local SESSION_HAND_OVER = {
  name = 'session_hand_over', types = {'hash', 'log'},
  fits = {}, shows = {2},
  more = true,
  args = {{'receipt', check_name}, {'channel', check_channel}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}},
  given = {}, last = {false, false, false, false},
  runs = {'EXPIRE', 'HSET', 'PTTL'}, reads = {'HMGET', 'TIME', 'TYPE'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['session_hand_over'] = function(keys, args)
  return run_session(SESSION_HAND_OVER, session_hand_over, keys, args)
end
end

-- session_remove
-- For buzz:v1:{<session_id>}:state, buzz:v1:{<session_id>}:roster, buzz:v1:{<session_id>}:presence, buzz:v1:{<session_id>}:log, buzz:v1:{<session_id>}:idem, buzz:v1:{<session_id>}:answer:<round_id>, buzz:v1:{<session_id>}:score, buzz:v1:{<session_id>}:buzzer, buzz:v1:{<session_id>}:name, buzz:v1:{<session_id>}:team
-- Unlink every key of a session whose result was handed over; an operation that is sent again after it is answered `gone`.
-- KEYS state (hash) idem and the session's other keys
-- ARGV (none)
-- Answers {result} or {"unnamed", part…}:
--   "removed": every key is gone, also where it had gone before
--   "unnamed": nothing was done: the state notes further keys of rounds and the like, whose ends of names follow; call again with them
--   "open": refused: it has not ended
--   "ended": refused: its result was not handed over
do
local function session_remove(keys, a, session)
  if session and session.status ~= 'handed_over' then return {session.status} end
  local given, unnamed = {}, {'unnamed'}
  for i = 2, #keys do given[part_of(keys[1], keys[i]) or ''] = true end
  for _, field in ipairs(session and redis_call('HKEYS', keys[1]) or {}) do
    local part = starts(field, NOTE) and str_sub(field, #NOTE + 1)
    if part and not given[part] then unnamed[#unnamed + 1] = part end
  end
  if #unnamed > 1 then return unnamed end
  for i = 1, #keys do redis_call('UNLINK', keys[i]) end
  return {'removed'}
end

local SESSION_REMOVE = {
  name = 'session_remove', types = {'hash', 'any'},
  fits = {}, shows = {},
  more = true,
  args = {},
  given = {}, last = {},
  runs = {'HKEYS', 'UNLINK'}, reads = {'HMGET', 'TYPE'},
}
CALLS['session_remove'] = function(keys, args)
  return run_session(SESSION_REMOVE, session_remove, keys, args)
end
end

-- session_drop
-- For buzz:v1:{<session_id>}:answer:<round_id>
-- Unlink keys with an id of their own that are done with, such as the last round's; how many there were.
-- KEYS state (hash) target and the session's other keys
-- ARGV (none)
-- Answers the number.
do
local function session_drop(keys, a, session)
  local there = 0
  for i = 2, #keys do
    there = there + redis_call('UNLINK', keys[i])
    local part = session and part_of(keys[1], keys[i])
    if part then redis_call('HDEL', keys[1], NOTE .. part) end
  end
  return there
end

local SESSION_DROP = {
  name = 'session_drop', types = {'hash', 'any'},
  fits = {}, shows = {},
  more = true,
  args = {},
  given = {}, last = {},
  runs = {'HDEL', 'UNLINK'}, reads = {'HMGET', 'TYPE'},
}
CALLS['session_drop'] = function(keys, args)
  return run_session(SESSION_DROP, session_drop, keys, args)
end
end

-- rate_hit
-- For buzz:v1:rate:<action>:<subject>:<window>
-- Serves US-002.1 (prd.md:47), US-028 (prd.md:152)
-- Count one use; the counter is made with its TTL, and gets one where it has none.
-- KEYS target (string)
-- ARGV limit ttl_s
--   limit: how many are let through
--   ttl_s: TTL of the key in seconds
-- Answers {used, result}:
--   "allowed": within the limit
--   "refused": beyond it
do
local function rate_hit(keys, a)
  local count = redis_pcall('INCR', keys[1])
  if type(count) == 'table' then
    return str_match(count.err, '^ERR') and redis.error_reply('BADSTATE ' .. keys[1] .. ' holds no counter') or count
  end
  if redis_call('PTTL', keys[1]) < 0 then redis_call('EXPIRE', keys[1], a.ttl_s) end
  return {count, count <= a.limit and 'allowed' or 'refused'}
end

local RATE_HIT = {
  name = 'rate_hit', types = {'string'},
  fits = {1},
  args = {{'limit', check_count}, {'ttl_s', check_seconds, same = true}},
  given = {}, last = {false, false},
  runs = {'EXPIRE', 'INCR', 'PTTL', 'TYPE'},
}
CALLS['rate_hit'] = function(keys, args)
  return run(RATE_HIT, rate_hit, keys, args)
end
end

-- signal_send
-- For buzz:v1:rate:<action>:<subject>:<window>
-- Serves US-016 (prd.md:102)
-- Publish a signal that is stored nowhere, where its sender is within the limit of the window.
-- KEYS target (string)
-- ARGV limit ttl_s publish_to message
--   limit: how many are let through
--   ttl_s: TTL of the key in seconds
--   publish_to: channel, or none
--   message: what is kept and published
-- Answers {used, result}:
--   "sent": published
--   "refused": beyond the limit: not published
do
local function signal_send(keys, a)
  local count = redis_pcall('INCR', keys[1])
  if type(count) == 'table' then
    return str_match(count.err, '^ERR') and redis.error_reply('BADSTATE ' .. keys[1] .. ' holds no counter') or count
  end
  if redis_call('PTTL', keys[1]) < 0 then redis_call('EXPIRE', keys[1], a.ttl_s) end
  if count > a.limit then return {count, 'refused'} end
  tell(a, a.message)
  return {count, 'sent'}
end

local SIGNAL_SEND = {
  name = 'signal_send', types = {'string'},
  fits = {1},
  args = {{'limit', check_count}, {'ttl_s', check_seconds, same = true}, {'publish_to', check_channel}, {'message', check_bytes}},
  given = {}, last = {false, false, false, false},
  runs = {'EXPIRE', 'INCR', 'PTTL', 'TYPE'},
}
CALLS['signal_send'] = function(keys, args)
  return run(SIGNAL_SEND, signal_send, keys, args)
end
end

-- code_take
-- For buzz:v1:code:<code>
-- Serves US-001.1 (prd.md:41)
-- Take a code, or keep one's own for as long again: an answer that was lost is asked for once more.
-- KEYS target (string)
-- ARGV leads_to ttl_s
--   leads_to: id of the session that it leads to
--   ttl_s: TTL of the key in seconds
-- Answers a result:
--   "taken": it leads to this session
--   "held": it leads to another one: draw again
do
local function code_take(keys, a)
  local led = redis_call('GET', keys[1])
  if led and led ~= a.leads_to then return 'held' end
  redis_call('SET', keys[1], a.leads_to, 'EX', a.ttl_s)
  return 'taken'
end

local CODE_TAKE = {
  name = 'code_take', types = {'string'},
  fits = {1},
  args = {{'leads_to', check_name}, {'ttl_s', check_seconds, same = true}},
  given = {}, last = {false, false},
  runs = {'GET', 'SET', 'TYPE'},
}
CALLS['code_take'] = function(keys, args)
  return run(CODE_TAKE, code_take, keys, args)
end
end

-- code_release
-- For buzz:v1:code:<code>
-- Give a code back, unless it leads elsewhere by now.
-- KEYS target (string)
-- ARGV leads_to
--   leads_to: id of the session that it leads to
-- Answers a result:
--   "released": it is free
--   "lost": it does not lead to this session any more: nothing was deleted
do
local function code_release(keys, a)
  if redis_call('GET', keys[1]) ~= a.leads_to then return 'lost' end
  redis_call('UNLINK', keys[1])
  return 'released'
end

local CODE_RELEASE = {
  name = 'code_release', types = {'string'},
  fits = {1},
  args = {{'leads_to', check_name}},
  given = {}, last = {false},
  runs = {'GET', 'TYPE', 'UNLINK'},
}
CALLS['code_release'] = function(keys, args)
  return run(CODE_RELEASE, code_release, keys, args)
end
end

-- due_claim
-- For buzz:v1:due:<bucket>
-- Take entries that are due by the server's clock; a claimed one is due again when its claim ends, and no two workers get one, whatever deadline it is given meanwhile.
-- KEYS target (zset)
-- ARGV claim_ms batch
--   claim_ms: how long the entries are this worker's, from the server's clock
--   batch: at most so many, up to 1,000
-- Answers entry, claimed_until, entry, claimed_until ….
do
-- A claimed entry has another one beside it for as long. Who writes deadlines knows no claims: whatever an entry is given
-- meanwhile, nobody else takes it before its worker is done or the claim ends.
local function due_claim(keys, a)
  local now, found = clock(), {}
  local later = digits(now + a.claim_ms)
  for _, entry in ipairs(redis_call('ZRANGEBYSCORE', keys[1], '-inf', digits(now), 'LIMIT', 0, 2 * a.batch)) do
    local claimed = tonumber(redis_call('ZSCORE', keys[1], 'claimed ' .. entry) or 0)
    if str_sub(entry, 1, 8) == 'claimed ' then
      if tonumber(redis_call('ZSCORE', keys[1], entry)) <= now then redis_call('ZREM', keys[1], entry) end
    elseif claimed > now then
      redis_call('ZADD', keys[1], 'XX', digits(claimed + 1), entry)
    elseif #found < 2 * a.batch then
      redis_call('ZADD', keys[1], later, entry, later, 'claimed ' .. entry)
      found[#found + 1] = entry
      found[#found + 1] = later
    end
  end
  return found
end

local DUE_CLAIM = {
  name = 'due_claim', types = {'zset'},
  fits = {1},
  args = {{'claim_ms', check_milliseconds, same = true}, {'batch', check_few, same = true}},
  given = {}, last = {false, false},
  runs = {'TIME', 'TYPE', 'ZADD', 'ZRANGEBYSCORE', 'ZREM', 'ZSCORE'},
}
CALLS['due_claim'] = function(keys, args)
  return run(DUE_CLAIM, due_claim, keys, args)
end
end

-- due_done
-- For buzz:v1:due:<bucket>
-- Remove an entry whose work is done.
-- KEYS target (zset)
-- ARGV entry claimed_until
--   entry: entry of the collection
--   claimed_until: as due_claim gave it
-- Answers a result:
--   "done": removed
--   "lost": it has another deadline or another worker's claim meanwhile: it stays
do
local function due_done(keys, a)
  if not unclaim(keys[1], a) then return 'lost' end
  redis_call('ZREM', keys[1], a.entry)
  return 'done'
end

local DUE_DONE = {
  name = 'due_done', types = {'zset'},
  fits = {1},
  args = {{'entry', check_name}, {'claimed_until', check_count}},
  given = {}, last = {false, false},
  runs = {'TIME', 'TYPE', 'ZADD', 'ZREM', 'ZSCORE'},
}
CALLS['due_done'] = function(keys, args)
  return run(DUE_DONE, due_done, keys, args)
end
end

-- due_move
-- For buzz:v1:due:<bucket>
-- Give an entry whose work is done its next deadline.
-- KEYS target (zset)
-- ARGV entry claimed_until at_ms
--   entry: entry of the collection
--   claimed_until: as due_claim gave it
--   at_ms: time of the value, Unix milliseconds
-- Answers a result:
--   "moved": it is due then
--   "lost": it has another deadline or another worker's claim meanwhile: it stays
do
local function due_move(keys, a)
  if not unclaim(keys[1], a) then return 'lost' end
  redis_call('ZADD', keys[1], 'XX', digits(a.at_ms), a.entry)
  return 'moved'
end

local DUE_MOVE = {
  name = 'due_move', types = {'zset'},
  fits = {1},
  args = {{'entry', check_name}, {'claimed_until', check_count}, {'at_ms', check_whole}},
  given = {}, last = {false, false, false},
  runs = {'TIME', 'TYPE', 'ZADD', 'ZREM', 'ZSCORE'},
}
CALLS['due_move'] = function(keys, args)
  return run(DUE_MOVE, due_move, keys, args)
end
end

-- buzz
-- Serves US-017 (prd.md:106), US-017.1 (prd.md:108)
-- The first player has it; everybody else learns that another was first.
-- KEYS state (hash) log idem (hash) roster (hash) buzzer (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member object
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
--   object: the object that it is about
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "no seat": who calls has no seat here
--   "not now": the phase is another one
--   "late": the time is over by the server's clock
--   "taken": another was first
do
local function act_buzz(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], roster = keys[4], claims = keys[5], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.seat(t) then return {session.version, 'no seat'} end
  if not GUARD.phase(t, {open = true}) then return {session.version, 'not now'} end
  if not GUARD.deadline(t, 'phase_until') then return {session.version, 'late'} end
  if has_hash(t.claims, a.object) then return {session.version, 'taken'} end
  if t.s['winner'] then return {session.version, 'taken'} end
  redis_call('HSET', t.claims, a.object, a.member)
  set_field(t, 'winner', a.member)
  note(t.state, t.claims)
  advance(keys, t.log, session, a, 'claimed', a.op_id, '{' .. '"member":' .. cjson_encode(a.member) .. ',' .. '"object":' .. cjson_encode(a.object) .. ',' .. '"at":' .. digits(t.now) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 5, 5, 1, 5)
  return {session.version, 'ok'}
end

local ACT_BUZZ = {
  name = 'buzz', types = {'hash', 'log', 'hash', 'hash', 'hash'},
  fits = {2}, shows = {4, 5},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}, {'object', check_id}},
  given = {}, last = {false, false, false, false, false, false, false},
  asks = {'epoch', 'version', 'status', 'phase', 'phase_until', 'winner'},
  runs = {'EXPIRE', 'HDEL', 'HSET', 'HSETNX', 'PTTL'}, reads = {'HEXISTS', 'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'UNLINK', 'XADD'}},
}
CALLS['buzz'] = function(keys, args)
  return run_session(ACT_BUZZ, act_buzz, keys, args)
end
end

-- attend
-- For buzz:v1:{<session_id>}:state, buzz:v1:{<session_id>}:log, buzz:v1:{<session_id>}:idem, buzz:v1:{<session_id>}:presence
-- The host is there without taking a seat: a lease, renewed by heartbeats. Who plays as well joins instead.
-- KEYS state (hash) log idem (hash) presence (zset) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member connection lease_ms
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
--   connection: which socket of the member
--   lease_ms: how long the place is kept without a heartbeat, in milliseconds
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not allowed": the role of who calls does not do this
do
local function act_attend(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], presence = keys[4], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.role(t, {host = true, cohost = true, moderator = true}) then return {session.version, 'not allowed'} end
  effect_lease(t, a.lease_ms, '')
  clear_field(t, 'away:' .. a.member)
  advance(keys, t.log, session, a, 'attends', a.op_id, '{' .. '"member":' .. cjson_encode(a.member) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 4, 1, 4)
  return {session.version, 'ok'}
end

local ACT_ATTEND = {
  name = 'attend', types = {'hash', 'log', 'hash', 'zset'},
  fits = {2, 4}, shows = {},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}, {'connection', check_id}, {'lease_ms', check_milliseconds, same = true}},
  given = {}, last = {false, false, false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member} end,
  runs = {'EXPIRE', 'HDEL', 'HSET', 'PTTL', 'ZADD'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'UNLINK', 'XADD'}},
}
CALLS['attend'] = function(keys, args)
  return run_session(ACT_ATTEND, act_attend, keys, args)
end
end

-- give_role
-- For buzz:v1:{<session_id>}:state, buzz:v1:{<session_id>}:log, buzz:v1:{<session_id>}:idem, buzz:v1:{<session_id>}:roster, buzz:v1:{<session_id>}:presence
-- The host makes a player co-host or moderator, of which there are only so many.
-- KEYS state (hash) log idem (hash) roster (hash) presence (zset) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member target role most
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
--   target: the member whom it is about
--   role: cohost, moderator or spectator
--   most: how many may have the role, in cohosts
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not allowed": the role of who calls does not do this
--   "unknown": the one whom it is about does not belong here
--   "full": as many have this role as may
do
local function act_give_role(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], roster = keys[4], presence = keys[5], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.role(t, {host = true}) then return {session.version, 'not allowed'} end
  if not GUARD.belongs(t) then return {session.version, 'unknown'} end
  if not GUARD.holders(t, a.most) then return {session.version, 'full'} end
  set_field(t, 'role:' .. a.target, a.role)
  advance(keys, t.log, session, a, 'role', a.op_id, '{' .. '"target":' .. cjson_encode(a.target) .. ',' .. '"role":' .. cjson_encode(a.role) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 5)
  return {session.version, 'ok'}
end

local ACT_GIVE_ROLE = {
  name = 'give_role', types = {'hash', 'log', 'hash', 'hash', 'zset'},
  fits = {4, 5}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}, {'target', check_id}, {'role', check_role}, {'most', check_whole, same = true}},
  given = {}, last = {false, false, false, false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member} end,
  runs = {'EXPIRE', 'HDEL', 'HEXISTS', 'HGETALL', 'HSET', 'PTTL', 'ZRANGE'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['give_role'] = function(keys, args)
  return run_session(ACT_GIVE_ROLE, act_give_role, keys, args)
end
end

-- take_role
-- For buzz:v1:{<session_id>}:state, buzz:v1:{<session_id>}:log, buzz:v1:{<session_id>}:idem
-- The host takes a role back.
-- KEYS state (hash) log idem (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member target
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
--   target: the member whom it is about
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not allowed": the role of who calls does not do this
do
local function act_take_role(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.role(t, {host = true}) then return {session.version, 'not allowed'} end
  clear_field(t, 'role:' .. a.target)
  advance(keys, t.log, session, a, 'role', a.op_id, '{' .. '"target":' .. cjson_encode(a.target) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 3)
  return {session.version, 'ok'}
end

local ACT_TAKE_ROLE = {
  name = 'take_role', types = {'hash', 'log', 'hash'},
  fits = {}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}, {'target', check_id}},
  given = {}, last = {false, false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member} end,
  runs = {'EXPIRE', 'HDEL', 'HSET', 'PTTL'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['take_role'] = function(keys, args)
  return run_session(ACT_TAKE_ROLE, act_take_role, keys, args)
end
end

-- pass_on
-- For buzz:v1:{<session_id>}:state, buzz:v1:{<session_id>}:log, buzz:v1:{<session_id>}:idem, buzz:v1:{<session_id>}:roster
-- The host makes another player the host.
-- KEYS state (hash) log idem (hash) roster (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member target
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
--   target: the member whom it is about
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not allowed": nobody does this to themselves
--   "unknown": the one whom it is about has no seat here
do
local function act_pass_on(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], roster = keys[4], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.role(t, {host = true}) then return {session.version, 'not allowed'} end
  if not GUARD.other(t) then return {session.version, 'not allowed'} end
  if not GUARD.seated(t) then return {session.version, 'unknown'} end
  set_field(t, 'owner', a.target)
  clear_field(t, 'role:' .. a.target)
  advance(keys, t.log, session, a, 'host', a.op_id, '{' .. '"target":' .. cjson_encode(a.target) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 4)
  return {session.version, 'ok'}
end

local ACT_PASS_ON = {
  name = 'pass_on', types = {'hash', 'log', 'hash', 'hash'},
  fits = {}, shows = {2, 4},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}, {'target', check_id}},
  given = {}, last = {false, false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member} end,
  runs = {'EXPIRE', 'HDEL', 'HSET', 'PTTL'}, reads = {'HEXISTS', 'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['pass_on'] = function(keys, args)
  return run_session(ACT_PASS_ON, act_pass_on, keys, args)
end
end

-- pause_without_host
-- Serves US-021 (prd.md:123), US-021.1 (prd.md:125)
-- A worker pauses a room whose host is away for too long, and everybody is told why.
-- KEYS state (hash) log idem (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s absent_ms
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   absent_ms: how long the host must be away, in milliseconds
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not now": the phase is another one
--   "early": the owner is there, or was until lately
do
local function act_pause_without_host(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.phase(t, {lobby = true, paused = true, closed = true, revealed = true, skipped = true}) then return {session.version, 'not now'} end
  if not GUARD.gone(t, a.absent_ms) then return {session.version, 'early'} end
  effect_phase(t, 'waiting', 'phase_before')
  advance(keys, t.log, session, a, 'host_absent', a.op_id, '{' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 3)
  return {session.version, 'ok'}
end

local ACT_PAUSE_WITHOUT_HOST = {
  name = 'pause_without_host', types = {'hash', 'log', 'hash'},
  fits = {}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'absent_ms', check_milliseconds, same = true}},
  given = {}, last = {false, false, false, false, false, false},
  asks = {'epoch', 'version', 'status', 'phase', 'owner'},
  runs = {'EXPIRE', 'HDEL', 'HGET', 'HSET', 'PTTL'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['pause_without_host'] = function(keys, args)
  return run_session(ACT_PAUSE_WITHOUT_HOST, act_pause_without_host, keys, args)
end
end

-- take_up
-- For buzz:v1:{<session_id>}:state, buzz:v1:{<session_id>}:log, buzz:v1:{<session_id>}:idem
-- The host, back again, takes a room up that was paused without one: it is in the phase again that it was in.
-- KEYS state (hash) log idem (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not allowed": the role of who calls does not do this
--   "not now": the phase is another one
do
local function act_take_up(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.role(t, {host = true, cohost = true}) then return {session.version, 'not allowed'} end
  if not GUARD.phase(t, {waiting = true}) then return {session.version, 'not now'} end
  effect_phase_back(t, 'phase_before')
  clear_field(t, 'away:' .. (t.s.owner or ''))
  advance(keys, t.log, session, a, 'host_back', a.op_id, '{' .. '"member":' .. cjson_encode(a.member) .. ',' .. '"phase":' .. shown(t.s['phase']) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 3)
  return {session.version, 'ok'}
end

local ACT_TAKE_UP = {
  name = 'take_up', types = {'hash', 'log', 'hash'},
  fits = {}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}},
  given = {}, last = {false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member, 'phase', 'phase_before'} end,
  runs = {'EXPIRE', 'HDEL', 'HSET', 'PTTL'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['take_up'] = function(keys, args)
  return run_session(ACT_TAKE_UP, act_take_up, keys, args)
end
end

-- approve_nickname
-- Serves prd.md:33, US-005 (prd.md:59)
-- A moderator approves the name of a player that waits since the join, and everybody sees it; until then the seat shows an empty one, and the state's field checks_names says that names wait.
-- KEYS state (hash) log idem (hash) roster (hash) name (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member target expected
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
--   target: the member whom it is about
--   expected: version of the object that the client has; 0: it is new
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not allowed": the role of who calls does not do this
--   "unknown": the one whom it is about has no seat here
--   "not now": it is in another state
--   "conflict": the object changed meanwhile: read it anew
--   "name taken": another member has this name by now
do
local function act_approve_nickname(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], roster = keys[4], names = keys[5], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.role(t, {moderator = true, host = true, cohost = true}) then return {session.version, 'not allowed'} end
  if not GUARD.seated(t) then return {session.version, 'unknown'} end
  if not GUARD.state(t, t.names, a.target, {pending = true}) then return {session.version, 'not now'} end
  if not GUARD.unchanged(t, t.names, a.target) then return {session.version, 'conflict'} end
  if not GUARD.free_name(t, t.names, a.target) then return {session.version, 'name taken'} end
  effect_show_name(t, t.names, a.target)
  effect_record_hash(t, t.names, a.target, 'approved', nil, nil, nil)
  note(t.state, t.names)
  advance(keys, t.log, session, a, 'named', a.op_id, '{' .. '"target":' .. cjson_encode(a.target) .. ',' .. '"name":' .. t.approved .. '}', t.set)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 5, 1, 5)
  return {session.version, 'ok'}
end

local ACT_APPROVE_NICKNAME = {
  name = 'approve_nickname', types = {'hash', 'log', 'hash', 'hash', 'hash'},
  fits = {2}, shows = {4, 5},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}, {'target', check_id}, {'expected', check_whole}},
  given = {}, last = {false, false, false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member} end,
  runs = {'EXPIRE', 'GET', 'HGET', 'HGETALL', 'HSET', 'HSETNX', 'PTTL'}, reads = {'HDEL', 'HEXISTS', 'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'UNLINK', 'XADD'}},
}
CALLS['approve_nickname'] = function(keys, args)
  return run_session(ACT_APPROVE_NICKNAME, act_approve_nickname, keys, args)
end
end

-- refuse_name
-- For buzz:v1:{<session_id>}:state, buzz:v1:{<session_id>}:log, buzz:v1:{<session_id>}:idem, buzz:v1:{<session_id>}:name
-- A moderator refuses a name that waits; nobody else sees it, and the player takes another one.
-- KEYS state (hash) log idem (hash) name (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member target
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
--   target: the member whom it is about
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not allowed": the role of who calls does not do this
--   "not now": it is in another state
do
local function act_refuse_name(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], names = keys[4], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.role(t, {moderator = true, host = true, cohost = true}) then return {session.version, 'not allowed'} end
  if not GUARD.state(t, t.names, a.target, {pending = true}) then return {session.version, 'not now'} end
  effect_record_hash(t, t.names, a.target, 'refused')
  note(t.state, t.names)
  advance(keys, t.log, session, a, 'name_refused', a.op_id, '{' .. '"to":' .. '"target"' .. ',' .. '"target":' .. cjson_encode(a.target) .. '}', t.set)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 4, 1, 4)
  return {session.version, 'ok'}
end

local ACT_REFUSE_NAME = {
  name = 'refuse_name', types = {'hash', 'log', 'hash', 'hash'},
  fits = {2}, shows = {4},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}, {'target', check_id}},
  given = {}, last = {false, false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member} end,
  runs = {'EXPIRE', 'GET', 'HGET', 'HSET', 'HSETNX', 'PTTL'}, reads = {'HDEL', 'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'UNLINK', 'XADD'}},
}
CALLS['refuse_name'] = function(keys, args)
  return run_session(ACT_REFUSE_NAME, act_refuse_name, keys, args)
end
end

-- start_question
-- Serves prd.md:7, prd.md:30, US-008 (prd.md:72)
-- The host starts the next question for everybody at the same time; its end is set by the server's clock. Its value is in every snapshot at once: what must stay secret, such as the right answer, is never in it.
-- KEYS state (hash) log idem (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member round value length_ms length_least length_most
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
--   round: the round, question or lot
--   value: JSON (RFC 8259), at most 256 KiB and 64 levels; empty is null
--   length_ms: how long it is open, in milliseconds
--   length_least: shortest that it may be open, in milliseconds
--   length_most: longest that it may be open, in milliseconds
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not allowed": the role of who calls does not do this
--   "bad length": it is shorter or longer than it may be
--   "not now": the phase is another one
--   "again": it is on already
do
local function act_start_question(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.role(t, {host = true, cohost = true}) then return {session.version, 'not allowed'} end
  if not GUARD.within(a.length_ms, a.length_least, a.length_most) then return {session.version, 'bad length'} end
  if not GUARD.phase(t, {lobby = true, closed = true, revealed = true, skipped = true}) then return {session.version, 'not now'} end
  if not GUARD.next(t, 'round', a.round) then return {session.version, 'again'} end
  effect_phase(t, 'open', nil)
  set_field(t, 'round', a.round)
  set_field(t, 'content', a.value)
  effect_timer(t, 'phase_until', a.length_ms)
  clear_field(t, 'phase_left')
  clear_field(t, 'winner')
  clear_field(t, 'result')
  advance(keys, t.log, session, a, 'started', a.op_id, '{' .. '"round":' .. cjson_encode(a.round) .. ',' .. '"phase_until":' .. shown(t.s['phase_until']) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 3)
  return {session.version, 'ok'}
end

local ACT_START_QUESTION = {
  name = 'start_question', types = {'hash', 'log', 'hash'},
  fits = {}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}, {'round', check_id}, {'value', check_json}, {'length_ms', check_milliseconds, same = true}, {'length_least', check_milliseconds, same = true}, {'length_most', check_milliseconds, same = true}},
  given = {}, last = {false, false, false, false, false, false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member, 'phase', 'round', 'phase_until'} end,
  runs = {'EXPIRE', 'HDEL', 'HSET', 'PTTL'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['start_question'] = function(keys, args)
  return run_session(ACT_START_QUESTION, act_start_question, keys, args)
end
end

-- time_up
-- Serves US-009.2 (prd.md:79)
-- A worker ends the question when its time is over by the server's clock; before that it is refused.
-- KEYS state (hash) log idem (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s round
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   round: the round, question or lot
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not now": the phase is another one
--   "stale": it is not the current one any more
--   "early": the time is not over yet
do
local function act_time_up(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.phase(t, {open = true}) then return {session.version, 'not now'} end
  if not GUARD.current(t, 'round', a.round) then return {session.version, 'stale'} end
  if not GUARD.due(t, 'phase_until') then return {session.version, 'early'} end
  effect_phase(t, 'closed', nil)
  advance(keys, t.log, session, a, 'closed', a.op_id, '{' .. '"round":' .. cjson_encode(a.round) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 3)
  return {session.version, 'ok'}
end

local ACT_TIME_UP = {
  name = 'time_up', types = {'hash', 'log', 'hash'},
  fits = {}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'round', check_id}},
  given = {}, last = {false, false, false, false, false, false},
  asks = {'epoch', 'version', 'status', 'phase', 'round', 'phase_until'},
  runs = {'EXPIRE', 'HDEL', 'HSET', 'PTTL'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['time_up'] = function(keys, args)
  return run_session(ACT_TIME_UP, act_time_up, keys, args)
end
end

-- pause
-- Serves US-014 (prd.md:96)
-- The host pauses; the time that is left is kept.
-- KEYS state (hash) log idem (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not allowed": the role of who calls does not do this
--   "not now": the phase is another one
--   "late": the time is over by the server's clock
do
local function act_pause(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.role(t, {host = true, cohost = true}) then return {session.version, 'not allowed'} end
  if not GUARD.phase(t, {open = true}) then return {session.version, 'not now'} end
  if not GUARD.deadline(t, 'phase_until') then return {session.version, 'late'} end
  effect_phase(t, 'paused', nil)
  effect_stop(t, 'phase_until', 'phase_left')
  advance(keys, t.log, session, a, 'paused', a.op_id, '{' .. '"phase_left":' .. shown(t.s['phase_left']) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 3)
  return {session.version, 'ok'}
end

local ACT_PAUSE = {
  name = 'pause', types = {'hash', 'log', 'hash'},
  fits = {}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}},
  given = {}, last = {false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member, 'phase', 'phase_until', 'phase_left'} end,
  runs = {'EXPIRE', 'HDEL', 'HSET', 'PTTL'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['pause'] = function(keys, args)
  return run_session(ACT_PAUSE, act_pause, keys, args)
end
end

-- resume
-- For buzz:v1:{<session_id>}:state, buzz:v1:{<session_id>}:log, buzz:v1:{<session_id>}:idem
-- The host goes on; the time that was left runs from now.
-- KEYS state (hash) log idem (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not allowed": the role of who calls does not do this
--   "not now": the phase is another one
do
local function act_resume(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.role(t, {host = true, cohost = true}) then return {session.version, 'not allowed'} end
  if not GUARD.phase(t, {paused = true}) then return {session.version, 'not now'} end
  effect_phase(t, 'open', nil)
  effect_go(t, 'phase_until', 'phase_left')
  advance(keys, t.log, session, a, 'resumed', a.op_id, '{' .. '"phase_until":' .. shown(t.s['phase_until']) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 3)
  return {session.version, 'ok'}
end

local ACT_RESUME = {
  name = 'resume', types = {'hash', 'log', 'hash'},
  fits = {}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}},
  given = {}, last = {false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member, 'phase', 'phase_left', 'phase_until'} end,
  runs = {'EXPIRE', 'HDEL', 'HSET', 'PTTL'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['resume'] = function(keys, args)
  return run_session(ACT_RESUME, act_resume, keys, args)
end
end

-- skip_question
-- Serves US-015 (prd.md:99)
-- The host skips the question: it does not count.
-- KEYS state (hash) log idem (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member round
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
--   round: the round, question or lot
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not allowed": the role of who calls does not do this
--   "not now": the phase is another one
--   "stale": it is not the current one any more
do
local function act_skip_question(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.role(t, {host = true, cohost = true}) then return {session.version, 'not allowed'} end
  if not GUARD.phase(t, {open = true, paused = true, closed = true, revealed = true}) then return {session.version, 'not now'} end
  if not GUARD.current(t, 'round', a.round) then return {session.version, 'stale'} end
  effect_phase(t, 'skipped', nil)
  clear_field(t, 'phase_until')
  clear_field(t, 'phase_left')
  advance(keys, t.log, session, a, 'skipped', a.op_id, '{' .. '"round":' .. cjson_encode(a.round) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 3)
  return {session.version, 'ok'}
end

local ACT_SKIP_QUESTION = {
  name = 'skip_question', types = {'hash', 'log', 'hash'},
  fits = {}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}, {'round', check_id}},
  given = {}, last = {false, false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member, 'phase', 'round'} end,
  runs = {'EXPIRE', 'HDEL', 'HSET', 'PTTL'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['skip_question'] = function(keys, args)
  return run_session(ACT_SKIP_QUESTION, act_skip_question, keys, args)
end
end

-- reveal
-- Serves US-011 (prd.md:85)
-- The host, or the service for the host, shows the result of a closed question to everybody at once; the service makes the value from the right answer and what was given, and takes none from a message.
-- KEYS state (hash) log idem (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member round value
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
--   round: the round, question or lot
--   value: JSON (RFC 8259), at most 256 KiB and 64 levels; empty is null
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not allowed": the role of who calls does not do this
--   "not now": the phase is another one
--   "stale": it is not the current one any more
do
local function act_reveal(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.role(t, {host = true, cohost = true}) then return {session.version, 'not allowed'} end
  if not GUARD.phase(t, {closed = true}) then return {session.version, 'not now'} end
  if not GUARD.current(t, 'round', a.round) then return {session.version, 'stale'} end
  effect_phase(t, 'revealed', nil)
  set_field(t, 'result', a.value)
  advance(keys, t.log, session, a, 'revealed', a.op_id, '{' .. '"round":' .. cjson_encode(a.round) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 3)
  return {session.version, 'ok'}
end

local ACT_REVEAL = {
  name = 'reveal', types = {'hash', 'log', 'hash'},
  fits = {}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}, {'round', check_id}, {'value', check_json}},
  given = {}, last = {false, false, false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member, 'phase', 'round'} end,
  runs = {'EXPIRE', 'HDEL', 'HSET', 'PTTL'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['reveal'] = function(keys, args)
  return run_session(ACT_REVEAL, act_reveal, keys, args)
end
end

-- reveal_now
-- Serves US-011 (prd.md:85)
-- A worker shows the result of a closed question, without waiting for the host; the service makes the value.
-- KEYS state (hash) log idem (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s round value
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   round: the round, question or lot
--   value: JSON (RFC 8259), at most 256 KiB and 64 levels; empty is null
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not now": the phase is another one
--   "stale": it is not the current one any more
do
local function act_reveal_now(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.phase(t, {closed = true}) then return {session.version, 'not now'} end
  if not GUARD.current(t, 'round', a.round) then return {session.version, 'stale'} end
  effect_phase(t, 'revealed', nil)
  set_field(t, 'result', a.value)
  advance(keys, t.log, session, a, 'revealed', a.op_id, '{' .. '"round":' .. cjson_encode(a.round) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 3)
  return {session.version, 'ok'}
end

local ACT_REVEAL_NOW = {
  name = 'reveal_now', types = {'hash', 'log', 'hash'},
  fits = {}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'round', check_id}, {'value', check_json}},
  given = {}, last = {false, false, false, false, false, false, false},
  asks = {'epoch', 'version', 'status', 'phase', 'round'},
  runs = {'EXPIRE', 'HDEL', 'HSET', 'PTTL'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['reveal_now'] = function(keys, args)
  return run_session(ACT_REVEAL_NOW, act_reveal_now, keys, args)
end
end

-- mark_away
-- Serves US-022 (prd.md:127), US-022.1 (prd.md:129)
-- A worker marks a player as away who was not heard for the short time; the seat stays.
-- KEYS state (hash) log idem (hash) roster (hash) presence (zset) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s target away_ms lease_ms
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   target: the member whom it is about
--   away_ms: how long nothing was heard, in milliseconds
--   lease_ms: how long a seat is kept without a heartbeat, in milliseconds
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "unknown": the one whom it is about does not belong here
--   "again": it is known already
--   "early": a heartbeat came within that time
do
local function act_mark_away(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], roster = keys[4], presence = keys[5], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.belongs(t) then return {session.version, 'unknown'} end
  if not GUARD.marked(t) then return {session.version, 'again'} end
  if not GUARD.silent(t, a.away_ms, a.lease_ms) then return {session.version, 'early'} end
  set_field(t, 'away:' .. a.target, digits(t.now))
  advance(keys, t.log, session, a, 'away', a.op_id, '{' .. '"target":' .. cjson_encode(a.target) .. ',' .. '"at":' .. digits(t.now) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 5)
  return {session.version, 'ok'}
end

local ACT_MARK_AWAY = {
  name = 'mark_away', types = {'hash', 'log', 'hash', 'hash', 'zset'},
  fits = {4, 5}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'target', check_id}, {'away_ms', check_milliseconds, same = true}, {'lease_ms', check_milliseconds, same = true}},
  given = {}, last = {false, false, false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'away:' .. a.target, 'created_at'} end,
  runs = {'EXPIRE', 'HDEL', 'HEXISTS', 'HSET', 'PTTL', 'ZRANGE'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['mark_away'] = function(keys, args)
  return run_session(ACT_MARK_AWAY, act_mark_away, keys, args)
end
end

-- back
-- For buzz:v1:{<session_id>}:state, buzz:v1:{<session_id>}:log, buzz:v1:{<session_id>}:idem, buzz:v1:{<session_id>}:roster, buzz:v1:{<session_id>}:presence
-- A player, or who leads without a seat, is there again and everybody sees it.
-- KEYS state (hash) log idem (hash) roster (hash) presence (zset) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not here": who calls has neither seat nor lease here
do
local function act_back(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], roster = keys[4], presence = keys[5], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.here(t) then return {session.version, 'not here'} end
  clear_field(t, 'away:' .. a.member)
  advance(keys, t.log, session, a, 'back', a.op_id, '{' .. '"member":' .. cjson_encode(a.member) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 5)
  return {session.version, 'ok'}
end

local ACT_BACK = {
  name = 'back', types = {'hash', 'log', 'hash', 'hash', 'zset'},
  fits = {4, 5}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}},
  given = {}, last = {false, false, false, false, false, false},
  runs = {'EXPIRE', 'HDEL', 'HEXISTS', 'HSET', 'PTTL', 'ZRANGE'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['back'] = function(keys, args)
  return run_session(ACT_BACK, act_back, keys, args)
end
end

-- award
-- Serves prd.md:7, US-012 (prd.md:89), US-013 (prd.md:92), US-013.1 (prd.md:94)
-- The service gives a player points for a reason, such as a round; given for it again they count once.
-- KEYS state (hash) log idem (hash) roster (hash) score (zset) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s target reason amount
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   target: the member whom it is about
--   reason: what the points are for, such as the round: once each
--   amount: a whole number from 1 to 2^53 - 1, money in minor units
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "unknown": the one whom it is about has no seat here
--   "again": the points for this were given before
do
local function act_award(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], roster = keys[4], score = keys[5], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.seated(t) then return {session.version, 'unknown'} end
  if GUARD.gained(t) then return {session.version, 'again'} end
  effect_gain(t, t.score, a.target)
  note(t.state, t.score)
  advance(keys, t.log, session, a, 'score', a.op_id, '{' .. '"target":' .. cjson_encode(a.target) .. ',' .. '"amount":' .. digits(a.amount) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 5, 5, 1, 5)
  return {session.version, 'ok'}
end

local ACT_AWARD = {
  name = 'award', types = {'hash', 'log', 'hash', 'hash', 'zset'},
  fits = {2, 5}, shows = {4},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'target', check_id}, {'reason', check_id}, {'amount', check_count}},
  given = {}, last = {false, false, false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'hidden:gained:' .. a.target} end,
  runs = {'EXPIRE', 'HDEL', 'HSET', 'HSETNX', 'PTTL', 'ZINCRBY'}, reads = {'HEXISTS', 'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'UNLINK', 'XADD'}},
}
CALLS['award'] = function(keys, args)
  return run_session(ACT_AWARD, act_award, keys, args)
end
end

-- take_back
-- Serves US-015 (prd.md:99)
-- The service takes back what the last award gave for a reason, such as a round that is skipped; how much is recorded.
-- KEYS state (hash) log idem (hash) score (zset) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s target reason
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   target: the member whom it is about
--   reason: what the points are for, such as the round: once each
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "unknown": nothing is known to be given for this
do
local function act_take_back(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], score = keys[4], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not has_zset(t.score, a.target) then return {session.version, 'unknown'} end
  if not GUARD.gained(t) then return {session.version, 'unknown'} end
  effect_lose(t, t.score, a.target)
  note(t.state, t.score)
  advance(keys, t.log, session, a, 'score_back', a.op_id, '{' .. '"target":' .. cjson_encode(a.target) .. ',' .. '"amount":' .. digits(t.gained) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 4, 1, 4)
  return {session.version, 'ok'}
end

local ACT_TAKE_BACK = {
  name = 'take_back', types = {'hash', 'log', 'hash', 'zset'},
  fits = {2}, shows = {4},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'target', check_id}, {'reason', check_id}},
  given = {}, last = {false, false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'hidden:gained:' .. a.target} end,
  runs = {'EXPIRE', 'HDEL', 'HSET', 'HSETNX', 'PTTL', 'ZINCRBY'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK', 'ZSCORE'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'UNLINK', 'XADD'}},
}
CALLS['take_back'] = function(keys, args)
  return run_session(ACT_TAKE_BACK, act_take_back, keys, args)
end
end

-- join
-- Serves prd.md:17, US-002 (prd.md:45), US-002.2 (prd.md:48), US-002.3 (prd.md:49) and 4 more
-- Somebody takes a seat under a name that nobody else has; who had a seat has it again.
-- KEYS state (hash) log idem (hash) roster (hash) presence (zset) name (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member connection device name folded capacity lease_ms connections name_least name_most
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
--   connection: which socket of the member
--   device: the device, by a random id that it keeps; never its address
--   name: the name that is shown
--   folded: the name as names are compared: Unicode NFKC, then in capitals, then in small letters, blanks at both ends gone
--   capacity: seats, in members
--   lease_ms: how long a seat is kept without a heartbeat, in milliseconds
--   connections: connections of one member; one more takes over, in connections
--   name_least: shortest name, in characters
--   name_most: longest name, in characters
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "banned": this member or device was banned from here
--   "bad name": the name is too short or too long, or is not the one that is compared
--   "name taken": another member has this name
--   "full": no seat is left
do
local function act_join(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], roster = keys[4], presence = keys[5], names = keys[6], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.admitted(t) then return {session.version, 'banned'} end
  if not GUARD.fitting(t, a.name_least, a.name_most) then return {session.version, 'bad name'} end
  if not GUARD.own_name(t) then return {session.version, 'name taken'} end
  if not GUARD.seats(t, a.capacity) then return {session.version, 'full'} end
  effect_check_name(t, t.names, 'pending')
  effect_sit(t, a.lease_ms, a.connections)
  effect_device(t)
  note(t.state, t.names)
  advance(keys, t.log, session, a, 'join', a.op_id, '{' .. '"member":' .. cjson_encode(a.member) .. ',' .. '"name":' .. cjson_encode(a.name) .. ',' .. '"connection":' .. cjson_encode(a.connection) .. ',' .. '"taken":' .. t.taken .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 6, 1, 6)
  return {session.version, 'ok'}
end

local ACT_JOIN = {
  name = 'join', types = {'hash', 'log', 'hash', 'hash', 'zset', 'hash'},
  fits = {2, 5, 6}, shows = {4},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}, {'connection', check_id}, {'device', check_id}, {'name', check_name}, {'folded', check_name}, {'capacity', check_whole, same = true}, {'lease_ms', check_milliseconds, same = true}, {'connections', check_whole, same = true}, {'name_least', check_whole, same = true}, {'name_most', check_whole, same = true}},
  given = {}, last = {false, false, false, false, false, false, false, false, false, false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'hidden:ban:' .. a.member, 'hidden:ban:' .. a.device, 'capacity', 'checks_names', 'hidden:device:' .. a.member} end,
  runs = {'EXPIRE', 'GET', 'HDEL', 'HEXISTS', 'HGET', 'HGETALL', 'HLEN', 'HSET', 'HSETNX', 'PTTL', 'ZADD', 'ZRANGE', 'ZREM'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'UNLINK', 'XADD'}},
}
CALLS['join'] = function(keys, args)
  return run_session(ACT_JOIN, act_join, keys, args)
end
end

-- kick
-- Serves US-006 (prd.md:62), US-006.1 (prd.md:64)
-- The host removes a player, with points and all that goes with the seat, or one who watches; neither this one nor the device comes back.
-- KEYS state (hash) log idem (hash) roster (hash) presence (zset) score (zset) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member target bans [with_seat]
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
--   target: the member whom it is about
--   bans: how many members and devices may be banned, in bans
--   with_seat: types, in their order, of the first of the session's other keys, those in which a member has an entry only as long as the seat: hash or zset; none: there is no such key
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not allowed": nobody does this to the owner
--   "unknown": the one whom it is about is not here
--   "full": as many are banned as may be
do
local function act_kick(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], roster = keys[4], presence = keys[5], score = keys[6], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  local wrong = unfit('kick', keys, 7, a.with_seat)
  if wrong then return redis.error_reply(wrong) end
  if not GUARD.role(t, {host = true, cohost = true, moderator = true}) then return {session.version, 'not allowed'} end
  if not GUARD.other(t) then return {session.version, 'not allowed'} end
  if not GUARD.led(t) then return {session.version, 'not allowed'} end
  if not GUARD.inside(t) then return {session.version, 'unknown'} end
  if not GUARD.bans(t, a.bans) then return {session.version, 'full'} end
  effect_unseat(t)
  vacate(keys, 7, a.with_seat, a.target)
  effect_ban(t)
  redis_call('ZREM', t.score, a.target)
  advance(keys, t.log, session, a, 'leave', a.op_id, '{' .. '"target":' .. cjson_encode(a.target) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 5, 1, 6)
  return {session.version, 'ok'}
end

local ACT_KICK = {
  name = 'kick', types = {'hash', 'log', 'hash', 'hash', 'zset', 'zset'},
  fits = {2, 4, 5, 6}, shows = {},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}, {'target', check_id}, {'bans', check_whole, same = true}, {'with_seat', check_types, 'none', same = true}},
  given = {}, last = {false, false, false, false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member, 'hidden:device:' .. a.target} end,
  runs = {'EXPIRE', 'HDEL', 'HEXISTS', 'HGET', 'HGETALL', 'HSET', 'PTTL', 'ZRANGE', 'ZREM'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'UNLINK', 'XADD'}},
}
CALLS['kick'] = function(keys, args)
  return run_session(ACT_KICK, act_kick, keys, args)
end
end

-- watch
-- Serves US-007 (prd.md:66), US-007.1 (prd.md:68)
-- A spectator follows read-only: no seat, no vote, and not counted against the seats.
-- KEYS state (hash) log idem (hash) presence (zset) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member connection device watchers lease_ms
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
--   connection: which socket of the member
--   device: the device, by a random id that it keeps; never its address
--   watchers: how many may watch, in people
--   lease_ms: how long a place is kept without a heartbeat, in milliseconds
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "banned": this member or device was banned from here
--   "full": as many watch as may
do
local function act_watch(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], presence = keys[4], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.admitted(t) then return {session.version, 'banned'} end
  if not GUARD.watchers(t, a.watchers) then return {session.version, 'full'} end
  effect_lease(t, a.lease_ms, 'watch:')
  effect_device(t)
  advance(keys, t.log, session, a, 'watching', a.op_id, '{' .. '"to":' .. '"leaders"' .. ',' .. '"count":' .. digits(redis_call('ZCARD', t.presence)) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 4, 1, 4)
  return {session.version, 'ok'}
end

local ACT_WATCH = {
  name = 'watch', types = {'hash', 'log', 'hash', 'zset'},
  fits = {2, 4}, shows = {},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}, {'connection', check_id}, {'device', check_id}, {'watchers', check_whole, same = true}, {'lease_ms', check_milliseconds, same = true}},
  given = {}, last = {false, false, false, false, false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'hidden:ban:' .. a.member, 'hidden:ban:' .. a.device, 'hidden:device:' .. a.member} end,
  runs = {'EXPIRE', 'HDEL', 'HSET', 'PTTL', 'ZADD', 'ZCARD', 'ZRANGEBYSCORE'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'UNLINK', 'XADD'}},
}
CALLS['watch'] = function(keys, args)
  return run_session(ACT_WATCH, act_watch, keys, args)
end
end

-- end_game
-- Serves US-023 (prd.md:133)
-- The host ends the room; it stays readable until its result was handed over.
-- KEYS state (hash) log idem (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not allowed": the role of who calls does not do this
do
local function act_end_game(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.role(t, {host = true, cohost = true}) then return {session.version, 'not allowed'} end
  effect_close(t)
  advance(keys, t.log, session, a, 'end', a.op_id, '{' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 3)
  return {session.version, 'ok'}
end

local ACT_END_GAME = {
  name = 'end_game', types = {'hash', 'log', 'hash'},
  fits = {}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}},
  given = {}, last = {false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member} end,
  runs = {'EXPIRE', 'HDEL', 'HSET', 'PTTL'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['end_game'] = function(keys, args)
  return run_session(ACT_END_GAME, act_end_game, keys, args)
end
end

-- end_idle
-- Serves US-024 (prd.md:137)
-- A worker ends a room in which nothing happened for the idle time.
-- KEYS state (hash) log idem (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s idle_ms
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   idle_ms: how long nothing may happen, in milliseconds
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "early": something happened within that time
do
local function act_end_idle(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.idle(t, a.idle_ms) then return {session.version, 'early'} end
  effect_close(t)
  advance(keys, t.log, session, a, 'end', a.op_id, '{' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 3)
  return {session.version, 'ok'}
end

local ACT_END_IDLE = {
  name = 'end_idle', types = {'hash', 'log', 'hash'},
  fits = {}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'idle_ms', check_milliseconds, same = true}},
  given = {}, last = {false, false, false, false, false, false},
  asks = {'epoch', 'version', 'status', 'updated_at'},
  runs = {'EXPIRE', 'HDEL', 'HSET', 'PTTL'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['end_idle'] = function(keys, args)
  return run_session(ACT_END_IDLE, act_end_idle, keys, args)
end
end

-- rematch
-- Serves US-025 (prd.md:141)
-- The host starts over with everybody who is there: the lobby again, and nothing is left of the rounds and points before. Also after the end, once the result was handed over.
-- KEYS state (hash) log idem (hash) score (zset) buzzer (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not allowed": the role of who calls does not do this
--   "not now": the phase is another one
--   "unnamed": keys of rounds are missing, whose ends of names follow: the client sends them by itself
do
local function act_rematch(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], score = keys[4], claims = keys[5], session = session, s = session and session.s, set = {}, del = {}, keys = keys, a = a, now = clock(session)}
  if session and session.status == 'handed_over' then session.ended = false end
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.role(t, {host = true, cohost = true}) then return {session.version, 'not allowed'} end
  if not GUARD.phase(t, {lobby = true, paused = true, closed = true, revealed = true, skipped = true}) then return {session.version, 'not now'} end
  if not GUARD.complete(t) then return {session.version, 'unnamed', unpack(t.unnamed)} end
  effect_reopen(t)
  effect_phase(t, 'lobby', nil)
  clear_field(t, 'round')
  clear_field(t, 'content')
  clear_field(t, 'result')
  clear_field(t, 'phase_until')
  clear_field(t, 'phase_left')
  clear_field(t, 'phase_before')
  clear_field(t, 'winner')
  clear_field(t, 'turn')
  clear_field(t, 'turn_until')
  effect_forget_rounds(t)
  effect_empty(t, t.score)
  effect_empty(t, t.claims)
  advance(keys, t.log, session, a, 'rematch', a.op_id, '{' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 5)
  return {session.version, 'ok'}
end

local ACT_REMATCH = {
  name = 'rematch', types = {'hash', 'log', 'hash', 'zset', 'hash'},
  fits = {2, 4, 5}, shows = {},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}},
  given = {}, last = {false, false, false, false, false, false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member, 'phase'} end,
  runs = {'EXPIRE', 'HDEL', 'HGETALL', 'HKEYS', 'HSET', 'PTTL', 'UNLINK'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'XADD'}},
}
CALLS['rematch'] = function(keys, args)
  return run_session(ACT_REMATCH, act_rematch, keys, args)
end
end

-- answer
-- Serves US-009 (prd.md:76), US-009.1 (prd.md:78), US-009.2 (prd.md:79), US-010 (prd.md:81) and 2 more
-- A player gives one answer, and the first one counts; only how many there are is announced, never whose or what.
-- KEYS state (hash) log idem (hash) roster (hash) answer (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member round value
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
--   round: the round, question or lot
--   value: JSON (RFC 8259), at most 256 KiB and 64 levels; empty is null
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "no seat": who calls has no seat here
--   "not now": the phase is another one
--   "stale": it is not the current one any more
--   "late": the time is over by the server's clock
--   "again": the member's first one counts, and is there
do
local function act_answer(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], roster = keys[4], votes = keys[5], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.seat(t) then return {session.version, 'no seat'} end
  if not GUARD.phase(t, {open = true}) then return {session.version, 'not now'} end
  if not GUARD.current(t, 'round', a.round) then return {session.version, 'stale'} end
  if not GUARD.deadline(t, 'phase_until') then return {session.version, 'late'} end
  if has_hash(t.votes, a.member) then return {session.version, 'again'} end
  redis_call('HSET', t.votes, a.member, '{"at":' .. digits(t.now) .. ',"d":' .. a.value .. '}')
  note(t.state, t.votes, ROUND)
  advance(keys, t.log, session, a, 'submitted', a.op_id, '{' .. '"count":' .. digits(redis_call('HLEN', t.votes)) .. '}', t.set)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 5, 5, 1, 5)
  return {session.version, 'ok'}
end

local ACT_ANSWER = {
  name = 'answer', types = {'hash', 'log', 'hash', 'hash', 'hash'},
  fits = {2}, shows = {4, 5},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}, {'round', check_id}, {'value', check_json}},
  given = {}, last = {false, false, false, false, false, false, false, false},
  asks = {'epoch', 'version', 'status', 'phase', 'round', 'phase_until'},
  runs = {'EXPIRE', 'HLEN', 'HSET', 'HSETNX', 'PTTL'}, reads = {'HDEL', 'HEXISTS', 'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'UNLINK', 'XADD'}},
}
CALLS['answer'] = function(keys, args)
  return run_session(ACT_ANSWER, act_answer, keys, args)
end
end

-- all_answered
-- Serves US-011.1 (prd.md:87)
-- The service ends the round as soon as every player who is there has given one answer; who is marked away is not waited for.
-- KEYS state (hash) log idem (hash) roster (hash) presence (zset) answer (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s round
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   round: the round, question or lot
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not now": the phase is another one
--   "stale": it is not the current one any more
--   "waiting": somebody who is there has not yet
do
local function act_all_answered(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], roster = keys[4], presence = keys[5], votes = keys[6], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.phase(t, {open = true}) then return {session.version, 'not now'} end
  if not GUARD.current(t, 'round', a.round) then return {session.version, 'stale'} end
  if not GUARD.everyone(t, t.votes) then return {session.version, 'waiting'} end
  effect_phase(t, 'closed', nil)
  advance(keys, t.log, session, a, 'closed', a.op_id, '{' .. '"round":' .. cjson_encode(a.round) .. ',' .. '"count":' .. digits(redis_call('HLEN', t.votes)) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 6)
  return {session.version, 'ok'}
end

local ACT_ALL_ANSWERED = {
  name = 'all_answered', types = {'hash', 'log', 'hash', 'hash', 'zset', 'hash'},
  fits = {4, 5, 6}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'round', check_id}},
  given = {}, last = {false, false, false, false, false, false},
  asks = {'epoch', 'version', 'status', 'phase', 'round'},
  runs = {'EXPIRE', 'HDEL', 'HEXISTS', 'HLEN', 'HSET', 'PTTL', 'ZRANGEBYSCORE'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['all_answered'] = function(keys, args)
  return run_session(ACT_ALL_ANSWERED, act_all_answered, keys, args)
end
end

-- choose_team
-- Serves US-018 (prd.md:110)
-- A player goes into a team that has room; the points of a team are those of its members.
-- KEYS state (hash) log idem (hash) roster (hash) team (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s member team most
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   member: who does it; from the verified token, never from the message
--   team: the team
--   most: members of one team, in members
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "no seat": who calls has no seat here
--   "not now": the phase is another one
--   "full": as many are in it as may
do
local function act_choose_team(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], roster = keys[4], teams = keys[5], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.seat(t) then return {session.version, 'no seat'} end
  if not GUARD.phase(t, {lobby = true, closed = true, revealed = true}) then return {session.version, 'not now'} end
  if not GUARD.group(t, t.teams, a.member, a.team, a.most) then return {session.version, 'full'} end
  redis_call('HSET', t.teams, a.member, a.team)
  note(t.state, t.teams)
  advance(keys, t.log, session, a, 'team', a.op_id, '{' .. '"member":' .. cjson_encode(a.member) .. ',' .. '"team":' .. cjson_encode(a.team) .. '}', t.set)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 5, 5, 1, 5)
  return {session.version, 'ok'}
end

local ACT_CHOOSE_TEAM = {
  name = 'choose_team', types = {'hash', 'log', 'hash', 'hash', 'hash'},
  fits = {2}, shows = {4, 5},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'member', check_id}, {'team', check_id}, {'most', check_whole, same = true}},
  given = {}, last = {false, false, false, false, false, false, false, false},
  asks = {'epoch', 'version', 'status', 'phase'},
  runs = {'EXPIRE', 'HSET', 'HSETNX', 'PTTL'}, reads = {'HDEL', 'HEXISTS', 'HGETALL', 'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'UNLINK', 'XADD'}},
}
CALLS['choose_team'] = function(keys, args)
  return run_session(ACT_CHOOSE_TEAM, act_choose_team, keys, args)
end
end

-- session_snapshot
-- For buzz:v1:{<session_id>}:roster, buzz:v1:{<session_id>}:answer:<round_id>, buzz:v1:{<session_id>}:score, buzz:v1:{<session_id>}:buzzer, buzz:v1:{<session_id>}:name, buzz:v1:{<session_id>}:team
-- What the screen of a member is drawn from, in one step: state, roster and collections as its role may see them.
-- KEYS state (hash) roster (hash) answer (hash) score (zset) buzzer (hash) name (hash) team (hash)
-- ARGV member
--   member: who looks; from the verified token, never from the message
-- Answers {"snapshot", version, epoch, role, {field, value…}, a collection…} or {"gone"}.
do
local function rows_of(key, keeps)
  local found, all = {}, redis_call('HGETALL', key)
  for i = 1, #all, 2 do
    if keeps(all[i], all[i + 1]) then found[#found + 1], found[#found + 2] = all[i], all[i + 1] end
  end
  return found
end

local function session_snapshot(keys, a, session)
  if not session then return {'gone'} end
  local role = role_of({a = a, s = session.s}) or redis_call('HEXISTS', keys[2], a.member) == 1 and 'member' or 'spectator'
  local leads = role == 'host' or role == 'cohost' or role == 'moderator'
  local shown = rows_of(keys[1], function(field) return not starts(field, NOTE) and not starts(field, HIDDEN) end)
  local found = {'snapshot', session.version, session.epoch, role, shown}
  found[6] = redis_call('HGETALL', keys[2])  -- roster
  found[7] = {redis_call('HLEN', keys[3]), redis_call('HGET', keys[3], a.member)}  -- answer: hidden
  found[8] = {redis_call('ZRANGE', keys[4], '0', '9', 'REV', 'WITHSCORES'), redis_call('ZREVRANK', keys[4], a.member), redis_call('ZSCORE', keys[4], a.member)}  -- score
  found[9] = redis_call('HGETALL', keys[5])  -- buzzer
  found[10] = rows_of(keys[6], function(_, record) -- name: those who lead, and whose it is
    return leads or string.match(record, '^%d+|%a+|([^|]*)|') == a.member
  end)
  found[11] = redis_call('HGETALL', keys[7])  -- team
  return found
end

local SESSION_SNAPSHOT = {
  name = 'session_snapshot', types = {'hash', 'hash', 'hash', 'zset', 'hash', 'hash', 'hash'},
  fits = {2, 3, 4, 5, 6, 7}, shows = {},
  args = {{'member', check_id}},
  given = {}, last = {false},
  asks_of = function(a) return {'epoch', 'version', 'status', 'owner', 'role:' .. a.member} end,
  runs = {'HEXISTS', 'HGET', 'HGETALL', 'HLEN', 'ZRANGE', 'ZREVRANK', 'ZSCORE'}, reads = {'HMGET', 'TYPE'},
}
CALLS['session_snapshot'] = function(keys, args)
  return run_session(SESSION_SNAPSHOT, session_snapshot, keys, args)
end
end

-- Names of functions are the server's, not a library's: with the library's in front two projects share one server.
redis.register_function('buzz_session_create', CALLS['session_create'])
redis.register_function('buzz_session_join', CALLS['session_join'])
redis.register_function{function_name='buzz_session_leave', callback=CALLS['session_leave'], flags={'allow-oom'}}
redis.register_function('buzz_session_apply', CALLS['session_apply'])
redis.register_function{function_name='buzz_session_heartbeat', callback=CALLS['session_heartbeat'], flags={'allow-oom'}}
redis.register_function{function_name='buzz_session_sweep', callback=CALLS['session_sweep'], flags={'allow-oom'}}
redis.register_function{function_name='buzz_session_catch_up', callback=CALLS['session_catch_up'], flags={'no-writes'}}
redis.register_function('buzz_session_renew', CALLS['session_renew'])
redis.register_function{function_name='buzz_session_end', callback=CALLS['session_end'], flags={'allow-oom'}}
redis.register_function{function_name='buzz_session_hand_over', callback=CALLS['session_hand_over'], flags={'allow-oom'}}
redis.register_function{function_name='buzz_session_remove', callback=CALLS['session_remove'], flags={'allow-oom'}}
redis.register_function{function_name='buzz_session_drop', callback=CALLS['session_drop'], flags={'allow-oom'}}
redis.register_function('buzz_rate_hit', CALLS['rate_hit'])
redis.register_function('buzz_signal_send', CALLS['signal_send'])
redis.register_function('buzz_code_take', CALLS['code_take'])
redis.register_function{function_name='buzz_code_release', callback=CALLS['code_release'], flags={'allow-oom'}}
redis.register_function{function_name='buzz_due_claim', callback=CALLS['due_claim'], flags={'allow-oom'}}
redis.register_function{function_name='buzz_due_done', callback=CALLS['due_done'], flags={'allow-oom'}}
redis.register_function{function_name='buzz_due_move', callback=CALLS['due_move'], flags={'allow-oom'}}
redis.register_function('buzz_buzz', CALLS['buzz'])
redis.register_function('buzz_attend', CALLS['attend'])
redis.register_function('buzz_give_role', CALLS['give_role'])
redis.register_function('buzz_take_role', CALLS['take_role'])
redis.register_function('buzz_pass_on', CALLS['pass_on'])
redis.register_function('buzz_pause_without_host', CALLS['pause_without_host'])
redis.register_function('buzz_take_up', CALLS['take_up'])
redis.register_function('buzz_approve_nickname', CALLS['approve_nickname'])
redis.register_function('buzz_refuse_name', CALLS['refuse_name'])
redis.register_function('buzz_start_question', CALLS['start_question'])
redis.register_function('buzz_time_up', CALLS['time_up'])
redis.register_function('buzz_pause', CALLS['pause'])
redis.register_function('buzz_resume', CALLS['resume'])
redis.register_function('buzz_skip_question', CALLS['skip_question'])
redis.register_function('buzz_reveal', CALLS['reveal'])
redis.register_function('buzz_reveal_now', CALLS['reveal_now'])
redis.register_function('buzz_mark_away', CALLS['mark_away'])
redis.register_function('buzz_back', CALLS['back'])
redis.register_function('buzz_award', CALLS['award'])
redis.register_function('buzz_take_back', CALLS['take_back'])
redis.register_function('buzz_join', CALLS['join'])
redis.register_function('buzz_kick', CALLS['kick'])
redis.register_function('buzz_watch', CALLS['watch'])
redis.register_function{function_name='buzz_end_game', callback=CALLS['end_game'], flags={'allow-oom'}}
redis.register_function{function_name='buzz_end_idle', callback=CALLS['end_idle'], flags={'allow-oom'}}
redis.register_function('buzz_rematch', CALLS['rematch'])
redis.register_function('buzz_answer', CALLS['answer'])
redis.register_function('buzz_all_answered', CALLS['all_answered'])
redis.register_function('buzz_choose_team', CALLS['choose_team'])
redis.register_function{function_name='buzz_session_snapshot', callback=CALLS['session_snapshot'], flags={'no-writes'}}

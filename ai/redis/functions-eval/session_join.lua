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

local function check_text(text)
  return #text <= MOST_NAME and (str_find(text, '^[^\128-\255]*$') or is_utf8(text)) and text or nil
end

local function check_name(text) return text ~= '' and check_text(text) or nil end

local function check_epoch(text) return #text <= 32 and str_find(text, '^%x+$') and text or nil end

-- Seconds stay text: they go to Redis as they came, and a number would be written out anew in each command.
local function check_seconds(text)
  return #text <= 10 and str_find(text, '^[1-9]%d*$') and tonumber(text) <= 1000000000 and text or nil
end

local function check_milliseconds(text) return whole(text, 1, 1000000000000) end

local function check_few(text) return whole(text, 1, MOST_FEW) end

local function check_json(text) return text == '' and 'null' or is_json(text) and text or nil end

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

-- What a team's own Lua puts into the event: whole numbers in full, anything else as cjson has it, nothing as null.
local function told(value)
  if type(value) == 'number' and value == math.floor(value) and math.abs(value) <= LAST_VERSION then return digits(value) end
  return value == nil and 'null' or cjson_encode(value)
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

return CALLS['session_join'](KEYS, ARGV)

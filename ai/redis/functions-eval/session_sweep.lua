#!lua flags=allow-oom
-- What FCALL and EVAL reach, by name: a chunk of Lua has room for 200 local names, so each function keeps its own in a block.
local CALLS = {}

local LAST_VERSION = 9007199254740991
local MOST_JSON, DEEPEST_JSON, MOST_NAME, MOST_ID, MOST_FEW, MOST_KEYS = 262144, 64, 1024, 64, 1000, 1000

-- Named at the first call, since a library that is loaded sees no string: each look at a global costs as much as a search.
local str_find, str_match, str_sub, str_byte, str_format, as_whole = nil

-- The same of what is called most; where this text is loaded, redis.call stands as redis_call.
local redis_call, redis_pcall, cjson_encode = nil

-- The checks: each takes an argument's text and returns its value, or nil where it is refused.
local function whole(text, least, most)
  local number = #text <= 16 and str_find(text, '^%d+$') and text + 0 -- a call of tonumber costs more
  return number and number >= least and number <= most and number or nil
end

local function check_epoch(text) return #text <= 32 and str_find(text, '^%x+$') and text or nil end

-- Seconds stay text: they go to Redis as they came, and a number would be written out anew in each command.
local function check_seconds(text)
  return #text <= 10 and str_find(text, '^[1-9]%d*$') and tonumber(text) <= 1000000000 and text or nil
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

local function starts(text, with)
  return str_sub(text, 1, #with) == with
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

return CALLS['session_sweep'](KEYS, ARGV)

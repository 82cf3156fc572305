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

local function clock_text()
  local t = redis_call('TIME')
  return t[1] .. (#t[2] == 6 and str_sub(t[2], 1, 3) or str_sub('00000' .. t[2], -6, -4))
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

return CALLS['session_renew'](KEYS, ARGV)

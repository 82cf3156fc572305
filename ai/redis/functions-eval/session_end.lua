#!lua flags=allow-oom
-- What FCALL and EVAL reach, by name: a chunk of Lua has room for 200 local names, so each function keeps its own in a block.
local CALLS = {}

local LAST_VERSION = 9007199254740991
local MOST_JSON, DEEPEST_JSON, MOST_NAME, MOST_ID, MOST_FEW, MOST_KEYS = 262144, 64, 1024, 64, 1000, 1000

-- Named at the first call, since a library that is loaded sees no string: each look at a global costs as much as a search.
local str_find, str_match, str_sub, str_byte, str_format, as_whole = nil

-- The checks: each takes an argument's text and returns its value, or nil where it is refused.
local function whole(text, least, most)
  local number = #text <= 16 and str_match(text, '^%d+$') and tonumber(text)
  return number and number >= least and number <= most and number or nil
end

local function check_epoch(text) return #text <= 32 and str_match(text, '^%x+$') or nil end

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
  local sharded = str_sub(text, -8) == ' sharded'
  local name = sharded and str_sub(text, 1, -9) or text
  if str_find(name, '%s') or (sharded and name == '') then return nil end
  a.publish = name ~= '' and (sharded and 'SPUBLISH' or 'PUBLISH')
  return name
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
-- project always gives is checked once: an argument that is the same remembers its last text and what that meant.
local function arguments(call, args)
  local a, wanted = call.given, call.args
  for i = 1, #wanted do
    local argument, text = wanted[i], args[i]
    local value = argument.value
    if not text or text ~= argument.text then
      local absent = argument[3]
      if absent and (text == nil or text == '') then text = absent end
      value = nil
      if text then value = argument[2](text, a) end
      if value == nil then return nil, 'BADARG ' .. call.name .. ': ' .. argument[1] end
      if argument.same then argument.text, argument.value = text, value end
    end
    a[argument[1]] = value
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
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= kind then return 'WRONGTYPE ' .. key .. ' holds a ' .. found .. ', not a ' .. kind end
end

-- The key that holds a value of another type than its use. The state shows it where it is read, by session_of, and the
-- remembered answer by remembered.
local function misfit(call, keys, a)
  local types = call.types
  for i = 1, #types do
    local kind = types[i]
    if kind == 'log' then kind = (a.log_max or a.max).form end
    if kind == 'element' then kind = ELEMENT[a.command].kind end
    local wrong = kind ~= 'any' and kind ~= 'state' and kind ~= 'answer' and foreign(keys[i], kind)
    if wrong then return wrong end
  end
end

local function first_missing(may, commands, key)
  for i = 1, #commands do
    if not may(commands[i], key) then return commands[i] end
  end
end

-- The command that the caller may not run, so that a missing right is found before the first write and not after it.
local function forbidden(call, keys, a)
  local may = redis.acl_check_cmd
  if not may then return nil end -- before Redis 7
  local log, channel = a.log_max or a.max, a.channel or a.publish_to
  local missing = first_missing(may, call.runs, keys[1])
  if not missing and log and call.by_form then missing = first_missing(may, call.by_form[log.form] or {}, keys[1]) end
  if not missing and a.command then
    local rule = ELEMENT[a.command]
    missing = first_missing(may, {a.command, rule.has or rule.trim, rule.size}, keys[1])
  end
  if not missing and channel and a.publish and not may(a.publish, channel, '') then missing = a.publish .. ' ' .. channel end
  return missing and 'NOPERM ' .. call.name .. ': ' .. missing
end

local FIELDS = {'epoch', 'version', 'status'}

-- The session's epoch, version and status, and in s the fields that are asked for behind them (false where there is none);
-- nil where it is gone; and what is wrong with a state that is not ours.
local function session_of(state, asked)
  local f = redis.pcall('HMGET', state, unpack(asked))
  if f.err then return nil, foreign(state, 'hash') or f.err end
  if not f[1] and not f[2] and redis.call('TYPE', state).ok == 'none' then return nil end
  local version = f[2] and whole(f[2], 0, LAST_VERSION - 1)
  if not version or not f[1] or not check_epoch(f[1]) then
    return nil, 'BADSTATE ' .. state .. ' has no epoch and version that can go on'
  end
  local closed = f[3] == 'ended' or f[3] == 'handed_over'
  local s = {}
  for i = 4, #asked do s[asked[i]] = f[i] end
  return {epoch = f[1], version = version, status = closed and f[3] or 'open', ended = closed, now = false, text = false, s = s}
end

-- Arguments, keys and rights, checked: the arguments by name, or what is wrong.
local function checked(call, keys, args)
  if not str_find then
    str_find, str_match, str_sub, str_byte, str_format = string.find, string.match, string.sub, string.byte, string.format
    as_whole = str_format('%d', LAST_VERSION) == '9007199254740991' and '%d' or '%.0f' -- slower, and right where a long has 32 bits
  end
  local a, wrong = arguments(call, args)
  if not wrong and (#keys < #call.types or #keys > (call.more and MOST_KEYS or #call.types)) then
    wrong = 'BADARG ' .. call.name .. ': KEYS'
  end
  return a, wrong or forbidden(call, keys, a) or misfit(call, keys, a)
end

-- The same for a call of a session, which its body is given.
local function run_session(call, body, keys, args)
  local a, wrong = checked(call, keys, args)
  if wrong then return redis.error_reply(wrong) end
  local asked = call.asks or FIELDS
  local session, bad = session_of(keys[1], call.asks_of and call.asks_of(a) or asked)
  if bad then return redis.error_reply(bad) end
  return body(keys, a, session)
end

local function digits(number) return str_format(as_whole, number) end

local function clock_text()
  local t = redis.call('TIME')
  return t[1] .. (#t[2] == 6 and str_sub(t[2], 1, 3) or str_sub('00000' .. t[2], -6, -4))
end

local function tell(a, message)
  if a.publish == 'SPUBLISH' then
    redis.call('SPUBLISH', a.channel or a.publish_to, message)
  elseif a.publish then
    redis.call('PUBLISH', a.channel or a.publish_to, message)
  end
end

-- A TTL is set again only when less than half of it is left: a sliding TTL on every write doubles the AOF. With the
-- state's every key gets its whole TTL again, so none ends before the state does. In between only those are looked at that
-- may be new (from the one at first to the one at last; the log has its TTL from its first entry on) or have an end of their
-- own, as a key with an id of its own has. So many keys as apart says, from the third on, keep the TTL that they were given.
local function refresh(keys, ttl, first, last, apart)
  local half, home = ttl * 500, #str_match(keys[1], '^.*:') + 1
  local due = redis.call('PTTL', keys[1]) < half
  if due then redis.call('EXPIRE', keys[1], ttl) end
  for i = 2, #keys do
    local ours = i == 2 or i > 2 + apart
    local new = (i >= first and i <= last) or str_find(keys[i], ':', home, true)
    if ours and (due or new and redis.call('PTTL', keys[i]) < half) then redis.call('EXPIRE', keys[i], ttl) end
  end
end

-- The log in its two forms: log_max says which.
local function list_append(log, a, message)
  local length = redis.call('RPUSH', log, message)
  if length > a.log_max.entries then redis.call('LTRIM', log, '-' .. a.log_max.most, '-1') end
  if length == 1 then redis.call('EXPIRE', log, a.ttl_s) end
end

-- The version is the entry's id, so a range of versions is a range of ids. A log that is ahead of its state is the rest of
-- another life: it goes.
local function stream_append(log, a, version, message)
  local added = redis.pcall('XADD', log, 'MAXLEN', a.log_max.most, version .. '-0', 'm', message)
  if type(added) == 'table' and added.err then
    redis.call('UNLINK', log)
    redis.call('XADD', log, version .. '-0', 'm', message)
  end
  if redis.call('PTTL', log) < 0 then redis.call('EXPIRE', log, a.ttl_s) end
end

-- Fields, version + 1, log, publish: what must never come apart. The session given is then at its new version.
local function advance(keys, log, session, a, kind, op, data, fields)
  local now = session.now or clock_text()
  session.now, session.version = now, session.version + 1
  local version = digits(session.version)
  session.text = version
  redis.call('HSET', keys[1], 'version', version, 'updated_at', now, unpack(fields or {}))
  local message = '{"e":"' .. session.epoch .. '","v":' .. version .. ',"ts":' .. now .. ',"t":' ..
    cjson.encode(kind) .. ',"op":' .. cjson.encode(op) .. ',"d":' .. data .. '}'
  if a.log_max.form == 'stream' then
    stream_append(log, a, version, message)
  else
    list_append(log, a, message)
  end
  tell(a, message)
  return session.version
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
  refresh(keys, a.ttl_s, 2, 1, 0)
  return {session.version, 'ended'}
end

local SESSION_END = {
  name = 'session_end', types = {'state', 'log'},
  more = true,
  args = {{'channel', check_channel}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}},
  given = {},
  runs = {'EXPIRE', 'HMGET', 'HSET', 'PTTL', 'TIME', 'TYPE'},
  by_form = {list = {'LTRIM', 'RPUSH'}, stream = {'UNLINK', 'XADD'}},
}
CALLS['session_end'] = function(keys, args)
  return run_session(SESSION_END, session_end, keys, args)
end
end

return CALLS['session_end'](KEYS, ARGV)

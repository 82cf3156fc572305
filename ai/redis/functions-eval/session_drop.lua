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

-- Fields of the state that are not the project's to read in a snapshot: "key:answer:7" notes a key of the session with an
-- id of its own, so that who removes the session can name it without SCAN: its value is "round" where a round's end is its
-- own; "hidden:…" is what must not be seen yet.
local NOTE, HIDDEN, ROUND = 'key:', 'hidden:', 'round'

local function part_of(state, key)
  local _, home = str_find(state, '^.*:')
  if not home or not str_find(key, ':', home + 1, true) then return nil end -- as most keys are
  return str_sub(key, 1, home) == str_sub(state, 1, home) and str_sub(key, home + 1) or nil
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

return CALLS['session_drop'](KEYS, ARGV)

#!lua flags=allow-oom
local LAST_VERSION = 9007199254740991
local MOST_JSON, DEEPEST_JSON, MOST_NAME, MOST_FEW = 262144, 64, 1024, 1000

-- The checks: each takes an argument's text and returns its value, or nil where it is refused.
local function whole(text, least, most)
  local number = #text <= 16 and string.match(text, '^%d+$') and tonumber(text)
  return number and number >= least and number <= most and number or nil
end

local function check_epoch(text) return #text <= 32 and string.match(text, '^%x+$') or nil end

local function check_seconds(text) return whole(text, 1, 1000000000) end

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

return call_session_end(KEYS, ARGV)

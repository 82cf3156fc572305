-- What FCALL and EVAL reach, by name: a chunk of Lua has room for 200 local names, so each function keeps its own in a block.
local CALLS = {}

local LAST_VERSION = 9007199254740991
local MOST_JSON, DEEPEST_JSON, MOST_NAME, MOST_ID, MOST_FEW, MOST_KEYS = 262144, 64, 1024, 64, 1000, 1000

-- The checks: each takes an argument's text and returns its value, or nil where it is refused.
local function whole(text, least, most)
  local number = #text <= 16 and string.match(text, '^%d+$') and tonumber(text)
  return number and number >= least and number <= most and number or nil
end

local function check_bytes(text) return text end

-- Seconds stay text: they go to Redis as they came, and a number would be written out anew in each command.
local function check_seconds(text)
  return #text <= 10 and string.find(text, '^[1-9]%d*$') and tonumber(text) <= 1000000000 and text or nil
end

local function check_count(text) return whole(text, 1, LAST_VERSION) end

-- A channel stays text; published_by takes it apart.
local function check_channel(text)
  return (string.find(text, '^%S*$') or string.find(text, '^%S+ sharded$')) and text or nil
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
-- anew in full: what a call throws away the collector of garbage must find, and that costs as much as the call.
local function arguments(call, args)
  local a, wanted = call.given, call.args
  for i = 1, #wanted do
    local argument = wanted[i]
    local text, absent, value = args[i], argument[3], nil
    if absent and (text == nil or text == '') then text = absent end
    if text then value = argument[2](text) end
    if value == nil then return nil, 'BADARG ' .. call.name .. ': ' .. argument[1] end
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
  for _, command in pairs(commands) do
    if not may(command, key) then return command end
  end
end

-- The command that publishes to a channel as it is given, and the channel's name; nil for none.
local function published_by(channel)
  if channel == '' then return nil end
  if string.sub(channel, -8) == ' sharded' then return 'SPUBLISH', string.sub(channel, 1, -9) end
  return 'PUBLISH', channel
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
    missing = first_missing(may, {a.command, rule.has, rule.size or rule.trim}, keys[1])
  end
  if not missing and channel then
    local publish, name = published_by(channel)
    if publish and not may(publish, name, '') then missing = publish .. ' ' .. name end
  end
  return missing and 'NOPERM ' .. call.name .. ': ' .. missing
end

-- Arguments, keys and rights, checked: the arguments by name, or what is wrong.
local function checked(call, keys, args)
  local a, wrong = arguments(call, args)
  if not wrong and (#keys < #call.types or #keys > (call.more and MOST_KEYS or #call.types)) then
    wrong = 'BADARG ' .. call.name .. ': KEYS'
  end
  return a, wrong or forbidden(call, keys, a) or misfit(call, keys, a)
end

local function run(call, body, keys, args)
  local a, wrong = checked(call, keys, args)
  if wrong then return redis.error_reply(wrong) end
  return body(keys, a)
end

local function tell(channel, message)
  local publish, name = published_by(channel)
  if publish == 'SPUBLISH' then
    redis.call('SPUBLISH', name, message)
  elseif publish then
    redis.call('PUBLISH', name, message)
  end
end

-- signal_send
-- For buzzroom:v1:rate:<action>:<subject>:<window>
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
  local count = redis.pcall('INCR', keys[1])
  if type(count) == 'table' then
    return string.match(count.err, '^ERR') and redis.error_reply('BADSTATE ' .. keys[1] .. ' holds no counter') or count
  end
  if redis.call('PTTL', keys[1]) < 0 then redis.call('EXPIRE', keys[1], a.ttl_s) end
  if count > a.limit then return {count, 'refused'} end
  tell(a.publish_to, a.message)
  return {count, 'sent'}
end

local SIGNAL_SEND = {
  name = 'signal_send', types = {'string'},
  args = {{'limit', check_count}, {'ttl_s', check_seconds}, {'publish_to', check_channel}, {'message', check_bytes}},
  given = {},
  runs = {'EXPIRE', 'INCR', 'PTTL', 'TYPE'},
}
CALLS['signal_send'] = function(keys, args)
  return run(SIGNAL_SEND, signal_send, keys, args)
end
end

return CALLS['signal_send'](KEYS, ARGV)

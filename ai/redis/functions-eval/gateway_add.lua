-- What FCALL and EVAL reach, by name: a chunk of Lua has room for 200 local names, so each function keeps its own in a block.
local CALLS = {}

local LAST_VERSION = 9007199254740991
local MOST_JSON, DEEPEST_JSON, MOST_NAME, MOST_ID, MOST_FEW, MOST_KEYS = 262144, 64, 1024, 64, 1000, 1000

-- Named at the first call, since a library that is loaded sees no string: each look at a global costs as much as a search.
local str_find, str_match, str_sub, str_byte, str_format, as_whole = nil

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

local function check_text(text) return #text <= MOST_NAME and is_utf8(text) and text or nil end

local function check_name(text) return text ~= '' and check_text(text) or nil end

-- Seconds stay text: they go to Redis as they came, and a number would be written out anew in each command.
local function check_seconds(text)
  return #text <= 10 and str_find(text, '^[1-9]%d*$') and tonumber(text) <= 1000000000 and text or nil
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

local function run(call, body, keys, args)
  local a, wrong = checked(call, keys, args)
  if wrong then return redis.error_reply(wrong) end
  return body(keys, a)
end

-- gateway_add
-- For buzz:v1:gateway:<node_id>
-- Add an entry and set the TTL again.
-- KEYS target (set)
-- ARGV entry ttl_s
--   entry: entry of the collection
--   ttl_s: TTL of the key in seconds
-- Answers a result:
--   "new": it was not in the set
--   "known": it was
do
local function gateway_add(keys, a)
  local new = redis.call('SADD', keys[1], a.entry)
  redis.call('EXPIRE', keys[1], a.ttl_s)
  return new == 1 and 'new' or 'known'
end

local GATEWAY_ADD = {
  name = 'gateway_add', types = {'set'},
  args = {{'entry', check_name}, {'ttl_s', check_seconds, same = true}},
  given = {},
  runs = {'EXPIRE', 'SADD', 'TYPE'},
}
CALLS['gateway_add'] = function(keys, args)
  return run(GATEWAY_ADD, gateway_add, keys, args)
end
end

return CALLS['gateway_add'](KEYS, ARGV)

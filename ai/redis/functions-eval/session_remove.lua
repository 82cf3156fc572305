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

-- Fields of the state that are not the project's to read in a snapshot: "key:answer:7" notes a key of the session with an
-- id of its own, so that who removes the session can name it without SCAN: its value is "round" where a round's end is its
-- own; "hidden:…" is what must not be seen yet.
local NOTE, HIDDEN, ROUND = 'key:', 'hidden:', 'round'

local function starts(text, with)
  return str_sub(text, 1, #with) == with
end

local function part_of(state, key)
  local home = str_match(state, '^(.*:)[^:]*$')
  local part = home and starts(key, home) and str_sub(key, #home + 1)
  return part and str_find(part, ':', 1, true) and part or nil
end

-- session_remove
-- For buzz:v1:{<session_id>}:state, buzz:v1:{<session_id>}:roster, buzz:v1:{<session_id>}:presence, buzz:v1:{<session_id>}:log, buzz:v1:{<session_id>}:answer:<round_id>, buzz:v1:{<session_id>}:score, buzz:v1:{<session_id>}:buzzer, buzz:v1:{<session_id>}:name, buzz:v1:{<session_id>}:team
-- Unlink every key of a session whose result was handed over.
-- KEYS state (hash) and the session's other keys
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
  for _, field in ipairs(session and redis.call('HKEYS', keys[1]) or {}) do
    local part = starts(field, NOTE) and str_sub(field, #NOTE + 1)
    if part and not given[part] then unnamed[#unnamed + 1] = part end
  end
  if #unnamed > 1 then return unnamed end
  for i = 1, #keys do redis.call('UNLINK', keys[i]) end
  return {'removed'}
end

local SESSION_REMOVE = {
  name = 'session_remove', types = {'state'},
  more = true,
  args = {},
  given = {},
  runs = {'HKEYS', 'HMGET', 'TYPE', 'UNLINK'},
}
CALLS['session_remove'] = function(keys, args)
  return run_session(SESSION_REMOVE, session_remove, keys, args)
end
end

return CALLS['session_remove'](KEYS, ARGV)

#!lua flags=allow-oom
local LAST_VERSION = 9007199254740991
local MOST_JSON, DEEPEST_JSON, MOST_NAME, MOST_FEW = 262144, 64, 1024, 1000

-- Whether text is UTF-8 (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF. One pass.
local function is_utf8(text)
  local at, find = 1, string.find
  while at <= #text do
    local _, last = find(text, '^[%z\1-\127]+', at)
    if not last then _, last = find(text, '^[\194-\223][\128-\191]', at) end
    if not last then _, last = find(text, '^[\225-\236\238\239][\128-\191][\128-\191]', at) end
    if not last then _, last = find(text, '^[\241-\243][\128-\191][\128-\191][\128-\191]', at) end
    if not last then _, last = find(text, '^\224[\160-\191][\128-\191]', at) end
    if not last then _, last = find(text, '^\237[\128-\159][\128-\191]', at) end
    if not last then _, last = find(text, '^\240[\144-\191][\128-\191][\128-\191]', at) end
    if not last then _, last = find(text, '^\244[\128-\143][\128-\191][\128-\191]', at) end
    if not last then return false end
    at = last + 1
  end
  return true
end

-- The checks: each takes an argument's text and returns its value, or nil where it is refused.
local function whole(text, least, most)
  local number = #text <= 16 and string.match(text, '^%d+$') and tonumber(text)
  return number and number >= least and number <= most and number or nil
end

local function check_text(text) return #text <= MOST_NAME and is_utf8(text) and text or nil end

local function check_name(text) return text ~= '' and check_text(text) or nil end

local function check_epoch(text) return #text <= 32 and string.match(text, '^%x+$') or nil end

local function check_count(text) return whole(text, 1, LAST_VERSION) end

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

-- due_done
-- For buzzroom:v1:due:<bucket>
-- Serves US-009.2 (prd.md:79), US-024.1 (prd.md:139), US-010 (prd.md:81), US-011 (prd.md:85) and 2 more
-- Remove an entry whose work is done.
-- KEYS target (zset)
-- ARGV entry claimed_until
--   entry: entry of the collection
--   claimed_until: as due_claim gave it
-- Answers a result:
--   "done": removed
--   "lost": it has another deadline or another worker's claim meanwhile: it stays
local function due_done(keys, a)
  if tonumber(redis.call('ZSCORE', keys[1], a.entry) or -1) ~= a.claimed_until then return 'lost' end
  redis.call('ZREM', keys[1], a.entry)
  return 'done'
end

local DUE_DONE = {
  name = 'due_done', types = {'zset'},
  args = {{'entry', check_name}, {'claimed_until', check_count}},
  runs = {'EXISTS', 'HMGET', 'TYPE', 'ZREM', 'ZSCORE'},
}
local function call_due_done(keys, args)
  return run(DUE_DONE, due_done, keys, args)
end

return call_due_done(KEYS, ARGV)

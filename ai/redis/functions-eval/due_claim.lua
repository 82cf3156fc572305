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

local function check_milliseconds(text) return whole(text, 1, 1000000000000) end

local function check_few(text) return whole(text, 1, MOST_FEW) end

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

local function run(call, body, keys, args)
  local a, wrong = checked(call, keys, args)
  if wrong then return redis.error_reply(wrong) end
  return body(keys, a)
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

-- due_claim
-- For buzz:v1:due:<bucket>
-- Take entries that are due by the server's clock; a claimed one is due again when its claim ends, and no two workers get one, whatever deadline it is given meanwhile.
-- KEYS target (zset)
-- ARGV claim_ms batch
--   claim_ms: how long the entries are this worker's, from the server's clock
--   batch: at most so many, up to 1,000
-- Answers entry, claimed_until, entry, claimed_until ….
do
-- A claimed entry has another one beside it for as long. Who writes deadlines knows no claims: whatever an entry is given
-- meanwhile, nobody else takes it before its worker is done or the claim ends.
local function due_claim(keys, a)
  local now, found = clock(), {}
  local later = digits(now + a.claim_ms)
  for _, entry in ipairs(redis_call('ZRANGEBYSCORE', keys[1], '-inf', digits(now), 'LIMIT', 0, 2 * a.batch)) do
    local claimed = tonumber(redis_call('ZSCORE', keys[1], 'claimed ' .. entry) or 0)
    if str_sub(entry, 1, 8) == 'claimed ' then
      if tonumber(redis_call('ZSCORE', keys[1], entry)) <= now then redis_call('ZREM', keys[1], entry) end
    elseif claimed > now then
      redis_call('ZADD', keys[1], 'XX', digits(claimed + 1), entry)
    elseif #found < 2 * a.batch then
      redis_call('ZADD', keys[1], later, entry, later, 'claimed ' .. entry)
      found[#found + 1] = entry
      found[#found + 1] = later
    end
  end
  return found
end

local DUE_CLAIM = {
  name = 'due_claim', types = {'zset'},
  fits = {1},
  args = {{'claim_ms', check_milliseconds, same = true}, {'batch', check_few, same = true}},
  given = {}, last = {false, false},
  runs = {'TIME', 'TYPE', 'ZADD', 'ZRANGEBYSCORE', 'ZREM', 'ZSCORE'},
}
CALLS['due_claim'] = function(keys, args)
  return run(DUE_CLAIM, due_claim, keys, args)
end
end

return CALLS['due_claim'](KEYS, ARGV)

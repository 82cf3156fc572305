-- What FCALL and EVAL reach, by name: a chunk of Lua has room for 200 local names, so each function keeps its own in a block.
local CALLS = {}

local LAST_VERSION = 9007199254740991
local MOST_JSON, DEEPEST_JSON, MOST_NAME, MOST_ID, MOST_FEW, MOST_KEYS = 262144, 64, 1024, 64, 1000, 1000

-- Named at the first call, since a library that is loaded sees no string: each look at a global costs as much as a search.
local str_find, str_match, str_sub, str_byte, str_format, as_whole = nil

-- The same of what is called most; where this text is loaded, redis.call stands as redis_call.
local redis_call, redis_pcall, cjson_encode = nil

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

-- The checks: each takes an argument's text and returns its value, or nil where it is refused.
local function whole(text, least, most)
  local number = #text <= 16 and str_find(text, '^%d+$') and text + 0 -- a call of tonumber costs more
  return number and number >= least and number <= most and number or nil
end

local function check_text(text)
  return #text <= MOST_NAME and (str_find(text, '^[^\128-\255]*$') or is_utf8(text)) and text or nil
end

local function check_name(text) return text ~= '' and check_text(text) or nil end

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

-- The answers of a session's operations are one hash: operation → version. Under '' stands which epoch they belong to, when
-- they are looked through next, and the versions at the last LOOKS looks (the first, and how far each went on from there):
-- "<epoch>:<milliseconds>:<version>,<further>,…". A look comes every fifth of the TTL at most, and lets go what was given
-- LOOKS looks ago: an answer is remembered for four fifths of the TTL at least, and a call in between reads and writes one field.
-- A hash too large for one listpack is looked through STEP answers a call, so that no call goes through thousands: where the
-- next call goes on, and up to which version answers go, stand behind it until the end is reached (":<cursor>:<version>").
local LOOKS, STEP = 4, 100

-- The field of an operation: its id, or the digest of a long one, so that what clients send does not decide what is kept.
local function field_of(op) return #op <= 32 and op or str_sub(redis.sha1hex(op), 1, 32) end

-- The version that an operation made in this epoch, and what is wrong with the key.
local function remembered(idem, session, op)
  local found = op ~= '' and redis_pcall('HMGET', idem, '', #op <= 32 and op or field_of(op))
  if not found then return nil end
  if found.err then return nil, foreign(idem, 'hash') or found.err end
  local kept, head = found[1], session and session.epoch .. ':'
  if not session or not kept or str_sub(kept, 1, #head) ~= head then return nil end
  session.kept = str_sub(kept, #head + 1)
  return found[2] and tonumber(found[2]) or nil
end

-- Lets go of the answers that were given up to a version, from a cursor of HSCAN on, and returns what is to be noted of the
-- rest: '' at the end. A listpack is gone through in one step.
local function let_go(idem, cursor, version)
  if #cursor > 19 then cursor = '0' end -- more digits than a cursor that HSCAN takes for sure: nobody of ours wrote them
  local found, gone = redis_call('HSCAN', idem, cursor, 'COUNT', STEP), {}
  local entries = found[2]
  for i = 1, #entries, 2 do
    if entries[i] ~= '' and (tonumber(entries[i + 1]) or 0) <= version then gone[#gone + 1] = entries[i] end
  end
  for i = 1, #gone, MOST_FEW do redis_call('HDEL', idem, unpack(gone, i, math.min(i + MOST_FEW - 1, #gone))) end
  return found[1] == '0' and '' or ':' .. found[1] .. ':' .. digits(version)
end

-- What stands under '' after a look. One that comes before the last was at its end goes on where that one is.
local function looked(idem, session, a)
  local looks, last, before, rest, kept = {}, 0, session.version - 1, '', session.kept or ''
  for number in string.gmatch(str_match(kept, '^%d+:([%d,]+)') or '', '%d+') do
    looks[#looks + 1], last = tonumber(number), last + tonumber(number)
  end
  if #looks == 0 then redis_call('UNLINK', idem) end -- of another epoch, or none of ours
  if #looks == LOOKS then
    local oldest = table.remove(looks, 1)
    rest = let_go(idem, str_match(kept, '^%d+:[%d,]+:(%d+):') or '0', oldest)
    looks[1] = looks[1] + oldest
  end
  looks[#looks + 1] = before - last
  for i = 1, #looks do looks[i] = digits(looks[i]) end
  return session.epoch .. ':' .. digits(session.now + a.idem_ttl_s * 200) .. ':' .. table.concat(looks, ',') .. rest
end

-- The same where a look is under way: one step further.
local function going_on(idem, session)
  local head, cursor, version = str_match(session.kept, '^(%d+:[%d,]+):(%d+):(%d+)$')
  local rest = cursor and let_go(idem, cursor, tonumber(version)) or ''
  return session.epoch .. ':' .. (head or str_match(session.kept, '^%d+:[%d,]+')) .. rest
end

local function remember(idem, session, a)
  local op, look = a.op_id, session.look
  if op == '' then return end
  if #op > 32 then op = field_of(op) end
  if look == 'due' then
    redis_call('HSET', idem, '', looked(idem, session, a), op, session.text)
    redis_call('EXPIRE', idem, a.idem_ttl_s)
  elseif look then
    redis_call('HSET', idem, '', going_on(idem, session), op, session.text)
  else
    redis_call('HSET', idem, op, session.text)
  end
end

-- Whether this change looks answers through: due, going on, or false. What that takes more of rights is asked for now.
local LOOKING = {'HSCAN', 'HDEL', 'UNLINK', 'EXPIRE'}

local function look_of(session, a)
  if a.op_id == '' then return false end
  local now = session.now or clock_text()
  session.now = now
  local due, pending = str_match(session.kept or '', '^(%d+):[%d,]+(:?)')
  local left = due and due - now -- more than a fifth, once the clock was set back
  local in_time = left and left > 0 and left <= a.idem_ttl_s * 200
  if in_time and pending == '' then return false end
  for _, command in ipairs(redis.acl_check_cmd and LOOKING or NONE) do
    if not redis.acl_check_cmd(command) then error({err = 'NOPERM ' .. command}) end
  end
  return in_time and 'going on' or 'due'
end

-- Why a change may not be made now: {version, result}, or nil where it may.
local function refusal(idem, session, a)
  local before, wrong = remembered(idem, session, a.op_id)
  if wrong then return redis.error_reply(wrong) end
  if not session then return {0, 'gone'} end
  if before then return {before, 'duplicate'} end
  if session.ended then return {session.version, 'ended'} end
  if a.expected_version and a.expected_version ~= session.version then return {session.version, 'conflict'} end
  session.look = look_of(session, a)
end

local function member_of(connection)
  return str_match(connection, '^(.-)#') or connection
end

-- Fields of the state that are not the project's to read in a snapshot: "key:answer:7" notes a key of the session with an
-- id of its own, so that who removes the session can name it without SCAN: its value is "round" where a round's end is its
-- own; "hidden:…" is what must not be seen yet.
local NOTE, HIDDEN, ROUND = 'key:', 'hidden:', 'round'

local function starts(text, with)
  return str_sub(text, 1, #with) == with
end

-- By name in one table, since a chunk has room for 200 local names.
local GUARD = {}

-- An id that stands in a field's or a record's name: no bar, which parts a record, no # and no control character.
local function check_id(text)
  local plain = #text <= MOST_NAME and str_find(text, '^[%w_.~%%-]+$') -- nearly all are
  return (plain or check_name(text) and not str_find(text, '[|#%c]')) and text or nil
end

-- What has ended is in no phase: an action that may open it again asks for none.
function GUARD.phase(t, phases) return phases[t.s.phase or 'lobby'] or t.session.status ~= 'open' end

function GUARD.current(t, field, value) return t.s[field] == value end

-- Nobody waits for who leads or watches without a seat, nor for who is marked away. Nobody is not everybody: where all of
-- them are gone for a moment, nothing is over.
function GUARD.everyone(t, key)
  local all = false
  for _, c in ipairs(redis_call('ZRANGEBYSCORE', t.presence, '(' .. digits(t.now), '+inf')) do
    local member = member_of(c)
    local asked = redis_call('HEXISTS', t.roster, member) == 1 and redis_call('HEXISTS', t.state, 'away:' .. member) == 0
    if asked and redis_call('HEXISTS', key, member) == 0 then return false end
    all = all or asked
  end
  return all
end

local function set_field(t, field, value)
  t.set[#t.set + 1], t.set[#t.set + 2], t.s[field] = field, value, value
end

local function settle(t)
  if #t.del > 0 then redis_call('HDEL', t.state, unpack(t.del)) end
end

-- What a copy of the state needs of this change: the fields that were set and those that went, but nothing hidden.
local function changes(t)
  local set, gone = {}, {}
  for i = 1, #t.set, 2 do
    if not starts(t.set[i], HIDDEN) then set[#set + 1] = cjson_encode(t.set[i]) .. ':' .. cjson_encode(tostring(t.set[i + 1])) end
  end
  for _, field in ipairs(t.del) do
    if not starts(field, HIDDEN) then gone[#gone + 1] = cjson_encode(field) end
  end
  return '"set":{' .. table.concat(set, ',') .. '},"del":[' .. table.concat(gone, ',') .. ']'
end

local function effect_phase(t, to, keeps)
  if keeps then set_field(t, keeps, t.s.phase or 'lobby') end
  set_field(t, 'phase', to)
end

-- all_answered
-- Serves US-011.1 (prd.md:87)
-- The service ends the round as soon as every player who is there has given one answer; who is marked away is not waited for.
-- KEYS state (hash) log idem (hash) roster (hash) presence (zset) answer (hash) and the session's other keys
-- ARGV channel op_id ttl_s log_max idem_ttl_s round
--   channel: empty: none; "<name>" for PUBLISH; "<name> sharded" for SPUBLISH
--   op_id: id of the operation: within an epoch the same one counts once; empty: no idempotency
--   ttl_s: TTL of the key in seconds
--   log_max: entries that the log keeps; "<entries> stream" where it is a stream
--   idem_ttl_s: TTL of the remembered answers in seconds: each is remembered for four fifths of it at least
--   round: the round, question or lot
-- Answers {version, result}:
--   "ok": applied; the only result that wrote
--   "duplicate": this operation was applied before in this epoch, as the version given
--   "ended": the session has ended
--   "gone": there is no session
--   "not now": the phase is another one
--   "stale": it is not the current one any more
--   "waiting": somebody who is there has not yet
do
local function act_all_answered(keys, a, session)
  local t = {state = keys[1], log = keys[2], idem = keys[3], roster = keys[4], presence = keys[5], votes = keys[6], session = session, s = session and session.s, set = {}, del = {}, a = a, now = clock(session)}
  local refused = refusal(t.idem, session, a)
  if refused then return refused end
  if not GUARD.phase(t, {open = true}) then return {session.version, 'not now'} end
  if not GUARD.current(t, 'round', a.round) then return {session.version, 'stale'} end
  if not GUARD.everyone(t, t.votes) then return {session.version, 'waiting'} end
  effect_phase(t, 'closed', nil)
  advance(keys, t.log, session, a, 'closed', a.op_id, '{' .. '"round":' .. cjson_encode(a.round) .. ',' .. '"count":' .. digits(redis_call('HLEN', t.votes)) .. ',' .. changes(t) .. '}', t.set, settle, t)
  remember(t.idem, session, a)
  refresh(keys, a.ttl_s, 4, 3, 1, 6)
  return {session.version, 'ok'}
end

local ACT_ALL_ANSWERED = {
  name = 'all_answered', types = {'hash', 'log', 'hash', 'hash', 'zset', 'hash'},
  fits = {4, 5, 6}, shows = {2},
  more = true,
  args = {{'channel', check_channel}, {'op_id', check_text}, {'ttl_s', check_seconds, same = true}, {'log_max', check_log, same = true}, {'idem_ttl_s', check_seconds, same = true}, {'round', check_id}},
  given = {}, last = {false, false, false, false, false, false},
  asks = {'epoch', 'version', 'status', 'phase', 'round'},
  runs = {'EXPIRE', 'HDEL', 'HEXISTS', 'HLEN', 'HSET', 'PTTL', 'ZRANGEBYSCORE'}, reads = {'HMGET', 'HSCAN', 'TIME', 'TYPE', 'UNLINK'},
  by_form = {list = {'LTRIM'}, stream = {'UNLINK'}},
}
CALLS['all_answered'] = function(keys, args)
  return run_session(ACT_ALL_ANSWERED, act_all_answered, keys, args)
end
end

return CALLS['all_answered'](KEYS, ARGV)

-- Guards: what an action asks before its first write. Each takes the turn `t` and is true where the action may go on. A turn
-- has the keys by name, the arguments `a`, the session, the server's clock `now` and the fields `s` of the state that are asked.

-- By name in one table, since a chunk has room for 200 local names.
local GUARD = {}

local ROLES = {cohost = true, moderator = true, spectator = true}

local function check_role(text) return ROLES[text] and text end

-- An id that stands in a field's or a record's name: no bar, which parts a record, no # and no control character.
local function check_id(text)
  local plain = #text <= MOST_NAME and str_find(text, '^[%w_.~%%-]+$') -- nearly all are
  return (plain or check_name(text) and not str_find(text, '[|#%c]')) and text or nil
end

local function check_number(text) return decimal(text, -1e15, 1e15) end

local function time_of(text) return text and whole(text, 0, LAST_VERSION) or nil end

local function role_of(t)
  return t.s.owner == t.a.member and 'host' or t.s['role:' .. t.a.member]
end

-- What stands under a field of a hash, or in a string: "<version>|<state>|<owner>|<until>|<value>". Whose time is over owns
-- nothing. Read once a turn; a value that is no record of ours belongs to nobody who could ask.
local function record_of(t, key, field)
  if t.record then return t.record end
  local text = nil
  if field then text = redis.call('HGET', key, field) else text = redis.call('GET', key) end
  local version, state, owner, ends, value = str_match(text or '0|none||0|', '^(%d+)|(%a+)|([^|]*)|(%d+)|(.*)$')
  ends = tonumber(ends or 0)
  t.record = {version = tonumber(version or 0), state = state or 'foreign', owner = owner or '|', ends = ends, value = value or ''}
  t.record.holder = ends > 0 and t.now >= ends and '' or t.record.owner
  return t.record
end

-- The connections of a member with the ends of their leases; who only watches has "watch:" in front.
local function connections_of(presence, member)
  local found, all = {}, redis.call('ZRANGE', presence, 0, -1, 'WITHSCORES')
  for i = 1, #all, 2 do
    if member_of(all[i]) == member then found[#found + 1] = {name = all[i], ends = tonumber(all[i + 1])} end
  end
  return found
end

-- The place and the text of a message in a list whose entries begin with their id and author.
local function entry_of(t, key)
  local head = '{"id":' .. cjson.encode(t.a.object) .. ',"by":'
  for i, entry in ipairs(redis.call('LRANGE', key, 0, -1)) do
    if starts(entry, head) then
      t.place, t.entry, t.head = i - 1, entry, head
      return entry
    end
  end
end

function GUARD.seat(t) return redis.call('HEXISTS', t.roster, t.a.member) == 1 end

function GUARD.role(t, roles) return roles[role_of(t) or ''] end

function GUARD.unlocked(t, field, roles) return not t.s[field] or GUARD.role(t, roles) end

function GUARD.seated(t) return redis.call('HEXISTS', t.roster, t.a.target) == 1 end

function GUARD.belongs(t)
  return t.s.owner == t.a.target or redis.call('HEXISTS', t.roster, t.a.target) == 1 or #connections_of(t.presence, t.a.target) > 0
end

function GUARD.inside(t)
  local who = t.a.target
  if redis.call('HEXISTS', t.roster, who) == 1 then return true end
  return #connections_of(t.presence, who) + #connections_of(t.presence, 'watch:' .. who) > 0
end

function GUARD.led(t) return t.s.owner ~= t.a.target end

-- Who leads without playing has a lease and no seat.
function GUARD.here(t)
  return redis.call('HEXISTS', t.roster, t.a.member) == 1 or #connections_of(t.presence, t.a.member) > 0
end

function GUARD.other(t) return t.a.member ~= t.a.target end

-- What has ended is in no phase: an action that may open it again asks for none.
function GUARD.phase(t, phases) return phases[t.s.phase or 'lobby'] or t.session.status ~= 'open' end

function GUARD.current(t, field, value) return t.s[field] == value end

function GUARD.next(t, field, value) return t.s[field] ~= value end

function GUARD.deadline(t, field)
  local ends = time_of(t.s[field])
  return not ends or t.now < ends
end

function GUARD.due(t, field)
  local ends = time_of(t.s[field])
  return ends and t.now >= ends
end

function GUARD.within(value, least, most) return value >= least and value <= most end

function GUARD.idle(t, after) return t.now >= (time_of(t.s.updated_at) or 0) + after end

function GUARD.holds(t, field) return t.s[field] == t.a.member end

function GUARD.admitted(t) return not t.s['hidden:ban:' .. t.a.member] and not t.s['hidden:ban:' .. t.a.device] end

function GUARD.heard(t) return not t.s['hidden:mute:' .. t.a.member] end

-- Whether nobody but the one has a name, given as JSON and as names are compared.
local function nobody_else(t, folded, one)
  local as, plain, all = '"as":' .. folded .. '}', '{"name":' .. folded .. '}', redis.call('HGETALL', t.roster)
  for i = 1, #all, 2 do
    local taken = str_find(all[i + 1], as, 1, true) or string.lower(all[i + 1]) == plain
    if taken and all[i] ~= one then return false end
  end
  return true
end

function GUARD.own_name(t) return nobody_else(t, cjson.encode(t.a.folded), t.a.member) end

-- What waits for approval is the seat's entry with that name.
function GUARD.free_name(t, key, field)
  local entry = record_of(t, key, field).value
  local folded = str_match(entry, ',"as":(".*")}$') or string.lower(str_match(entry, '^{"name":(".*")}$') or '""')
  return nobody_else(t, folded, field)
end

-- Characters of UTF-8: its bytes without those that go on with one.
local function characters(text) return #string.gsub(text, '[\128-\191]', '') end

-- A name as it is shown, and as names are compared: of ASCII letters it can be told whether the one belongs to the other.
function GUARD.fitting(t, least, most)
  local length, folds = characters(t.a.name), str_find(t.a.name, '[\128-\255]') and t.a.folded or t.a.name
  return length >= least and length <= most and t.a.folded == string.lower(str_match(folds, '^%s*(.-)%s*$'))
end

-- A session may have fewer seats than the project lets any have: its field capacity says how many.
function GUARD.seats(t, most)
  local own = whole(t.s.capacity or '', 1, LAST_VERSION) or most
  return redis.call('HEXISTS', t.roster, t.a.member) == 1 or redis.call('HLEN', t.roster) < math.min(most, own)
end

function GUARD.watchers(t, most)
  local watching = {}
  for _, c in ipairs(redis.call('ZRANGEBYSCORE', t.presence, '(' .. digits(t.now), '+inf')) do
    if starts(c, 'watch:') then watching[member_of(c)] = true end
  end
  watching['watch:' .. t.a.member] = nil
  local count = 0
  for _ in pairs(watching) do count = count + 1 end
  return count < most
end

-- How many fields of the state begin with the text and, where a value is given, hold it; the one given is left out.
local function marks(t, with, value, but)
  local count, all = 0, redis.call('HGETALL', t.state)
  for i = 1, #all, 2 do
    if starts(all[i], with) and (not value or all[i + 1] == value) and all[i] ~= but then count = count + 1 end
  end
  return count
end

function GUARD.holders(t, most) return marks(t, 'role:', t.a.role, 'role:' .. t.a.target) < most end

function GUARD.bans(t, most) return marks(t, 'hidden:ban:') + 2 <= most end

function GUARD.gone(t, after)
  local since = t.s.owner and time_of(redis.call('HGET', t.state, 'away:' .. t.s.owner))
  return since and t.now >= since + after
end

-- A lease ends a lease's length after the heartbeat that renewed it. Who never had one was not heard since the beginning.
function GUARD.silent(t, after, lease)
  local heard, leases = 0, connections_of(t.presence, t.a.target)
  for _, c in ipairs(leases) do heard = math.max(heard, c.ends - lease) end
  if #leases == 0 then heard = time_of(t.s.created_at) or 0 end
  return t.now >= heard + after
end

function GUARD.marked(t) return not t.s['away:' .. t.a.target] end

function GUARD.paced(t, after)
  local last = time_of(t.s['hidden:pace:' .. t.a.member])
  return not last or t.now >= last + after
end

-- Nobody waits for who leads or watches without a seat, nor for who is marked away. Nobody is not everybody: where all of
-- them are gone for a moment, nothing is over.
function GUARD.everyone(t, key)
  local all = false
  for _, c in ipairs(redis.call('ZRANGEBYSCORE', t.presence, '(' .. digits(t.now), '+inf')) do
    local member = member_of(c)
    local asked = redis.call('HEXISTS', t.roster, member) == 1 and redis.call('HEXISTS', t.state, 'away:' .. member) == 0
    if asked and redis.call('HEXISTS', key, member) == 0 then return false end
    all = all or asked
  end
  return all
end

-- The fields of the state that note keys of rounds. Each has to be among the keys that were given, to be unlinked with
-- them: t.unnamed has those that are not.
local function rounds_of(t)
  local noted, all = {}, redis.call('HGETALL', t.state)
  for i = 1, #all, 2 do
    if starts(all[i], NOTE) and all[i + 1] == ROUND then noted[str_sub(all[i], #NOTE + 1)] = all[i] end
  end
  return noted
end

function GUARD.complete(t)
  local given = {}
  for _, key in ipairs(t.keys) do given[part_of(t.state, key) or ''] = true end
  t.unnamed = {}
  for part in pairs(rounds_of(t)) do
    if not given[part] then t.unnamed[#t.unnamed + 1] = part end
  end
  return #t.unnamed == 0
end

local function has_hash(key, field) return redis.call('HEXISTS', key, field) == 1 end

local function has_zset(key, field) return redis.call('ZSCORE', key, field) ~= false end

function GUARD.room(size, there, most) return there or size < most end

function GUARD.group(t, key, field, value, most)
  local count, all = 0, redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if all[i] ~= field and all[i + 1] == value then count = count + 1 end
  end
  return count < most
end

function GUARD.state(t, key, field, states) return states[record_of(t, key, field).state] end

function GUARD.free(t, key, field)
  local holder = record_of(t, key, field).holder
  return holder == '' or holder == t.a.member
end

function GUARD.mine(t, key, field) return record_of(t, key, field).holder == t.a.member end

function GUARD.in_time(t, key, field)
  local ends = record_of(t, key, field).ends
  return ends == 0 or t.now < ends
end

function GUARD.overdue(t, key, field)
  local ends = record_of(t, key, field).ends
  return ends > 0 and t.now >= ends
end

-- A lock holds "<holder>:<token>", and what stood there before had another token. Tokens are counted, so anybody can guess one.
function GUARD.fenced(t, key)
  return redis.call('GET', key) == t.a.member .. ':' .. digits(t.a.token)
end

function GUARD.unchanged(t, key, field) return record_of(t, key, field).version == t.a.expected end

function GUARD.higher(t, key, step)
  local top = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')
  return not top[2] or t.a.amount >= tonumber(top[2]) + step
end

-- An entry begins with its member, and no id as clients encode it has a colon.
function GUARD.trailing(t, key)
  local top = redis.call('ZREVRANGE', key, 0, 0)[1]
  return not (top and starts(top, t.a.member .. ':'))
end

local function counted(key, field) return tonumber(redis.call('HGET', key, field) or 0) or 0 end

-- What a member took of an item stands beside it, in a field that no item can have as its name.
local function share_of(t, field) return 'by|' .. t.a.member .. '|' .. field end

function GUARD.enough(t, key, field) return counted(key, field) >= t.a.amount end

function GUARD.enough_points(t, key, field) return tonumber(redis.call('ZSCORE', key, field) or 0) >= t.a.amount end

-- The last gain of a member is a field of the state: "<reason>|<amount>".
local GAINED = HIDDEN .. 'gained:'

function GUARD.gained(t)
  local reason, amount = str_match(t.s[GAINED .. t.a.target] or '', '^([^|]*)|(%d+)$')
  t.gained = tonumber(amount)
  return reason == t.a.reason
end

function GUARD.share(t, key, field, most) return counted(key, share_of(t, field)) + t.a.amount <= most end

function GUARD.owns(t, key, field) return counted(key, share_of(t, field)) >= t.a.amount end

function GUARD.written(t, key)
  local entry = entry_of(t, key)
  return entry and starts(entry, t.head .. cjson.encode(t.a.member) .. ',')
end

function GUARD.listed(t, key) return entry_of(t, key) ~= nil end

-- Whether a count can take the change: HINCRBY fails on what is no whole number, and a failed command undoes nothing.
local function countable(key, field, change)
  local text = redis.call('HGET', key, field) or '0'
  local number = #text <= 16 and str_match(text, '^%-?%d+$') and tonumber(text)
  return number and math.abs(number + change) <= LAST_VERSION
end

-- Effects: what an action does once every guard has passed; none of them can fail. Changes of the state's fields are
-- gathered in the turn: with the version settle() removes what goes, and advance() writes what is set.

local function set_field(t, field, value)
  t.set[#t.set + 1], t.set[#t.set + 2], t.s[field] = field, value, value
end

local function clear_field(t, field)
  t.del[#t.del + 1], t.s[field] = field, false
end

local function settle(t)
  if #t.del > 0 then redis.call('HDEL', t.state, unpack(t.del)) end
end

-- What a copy of the state needs of this change: the fields that were set and those that went, but nothing hidden.
local function changes(t)
  local set, gone = {}, {}
  for i = 1, #t.set, 2 do
    if not starts(t.set[i], HIDDEN) then set[#set + 1] = cjson.encode(t.set[i]) .. ':' .. cjson.encode(tostring(t.set[i + 1])) end
  end
  for _, field in ipairs(t.del) do
    if not starts(field, HIDDEN) then gone[#gone + 1] = cjson.encode(field) end
  end
  return '"set":{' .. table.concat(set, ',') .. '},"del":[' .. table.concat(gone, ',') .. ']'
end

-- A field of the state as an event shows it: times and counts as numbers, what is not there as null.
local function shown(value)
  if not value then return 'null' end
  return time_of(value) and digits(tonumber(value)) or cjson.encode(value)
end

-- What a team's own Lua puts into the event: whole numbers in full, anything else as cjson has it, nothing as null.
local function told(value)
  if type(value) == 'number' and value == math.floor(value) and math.abs(value) <= LAST_VERSION then return digits(value) end
  return value == nil and 'null' or cjson.encode(value)
end

local function effect_phase(t, to, keeps)
  if keeps then set_field(t, keeps, t.s.phase or 'lobby') end
  set_field(t, 'phase', to)
end

local function effect_phase_back(t, keeps)
  set_field(t, 'phase', t.s[keeps] or 'lobby')
  clear_field(t, keeps)
end

-- What ends has no phase any more, and no timer of one.
local function effect_close(t)
  set_field(t, 'status', 'ended')
  for _, field in ipairs({'phase', 'phase_until', 'phase_left', 'phase_before', 'turn_until'}) do clear_field(t, field) end
end

local function effect_reopen(t)
  if t.session.status == 'open' then return end
  set_field(t, 'status', 'open')
  clear_field(t, 'receipt')
end

local function effect_forget_rounds(t)
  local noted = rounds_of(t)
  for _, key in ipairs(t.keys) do
    local field = noted[part_of(t.state, key) or '']
    if field then
      redis.call('UNLINK', key)
      redis.call('HDEL', t.state, field)
    end
  end
  for _, field in ipairs(redis.call('HKEYS', t.state)) do
    if starts(field, GAINED) then redis.call('HDEL', t.state, field) end
  end
end

local function effect_timer(t, field, after) set_field(t, field, digits(t.now + after)) end

local function effect_stop(t, field, left)
  local ends = time_of(t.s[field])
  if ends then set_field(t, left, digits(math.max(0, ends - t.now))) end
  clear_field(t, field)
end

local function effect_go(t, field, left)
  local rest = time_of(t.s[left])
  if rest then set_field(t, field, digits(t.now + rest)) end
  clear_field(t, left)
end

local function effect_extend(t, field, within, by)
  local ends = time_of(t.s[field])
  if ends and ends - t.now < within and t.now + by > ends then set_field(t, field, digits(t.now + by)) end
end

local function effect_gain(t, key, field)
  redis.call('ZINCRBY', key, digits(t.a.amount), field)
  set_field(t, GAINED .. t.a.target, t.a.reason .. '|' .. digits(t.a.amount))
end

local function effect_lose(t, key, field)
  redis.call('ZINCRBY', key, digits(-t.gained), field)
  clear_field(t, GAINED .. t.a.target)
end

local function effect_take(t, key, field)
  redis.call('HINCRBY', key, field, digits(-t.a.amount))
  redis.call('HINCRBY', key, share_of(t, field), digits(t.a.amount))
end

local function effect_give_back(t, key, field)
  redis.call('HINCRBY', key, field, digits(t.a.amount))
  if redis.call('HINCRBY', key, share_of(t, field), digits(-t.a.amount)) == 0 then redis.call('HDEL', key, share_of(t, field)) end
end

local function effect_empty(t, key)
  redis.call('UNLINK', key)
  local part = part_of(t.state, key)
  if part then redis.call('HDEL', t.state, NOTE .. part) end
end

local function effect_bid(t, key, most)
  local operation = t.a.op_id ~= '' and t.a.op_id or digits(t.session.version + 1)
  redis.call('ZADD', key, digits(t.a.amount), t.a.member .. ':' .. operation)
  redis.call('ZREMRANGEBYRANK', key, 0, -most - 1)
end

local function message_of(head, author, at, value)
  return head .. author .. ',"at":' .. at .. ',"d":' .. value .. '}'
end

-- Entries have the order of their times: those that are too old stand in front.
local function effect_append(t, key, most, keep)
  local head = '{"id":' .. cjson.encode(t.a.object) .. ',"by":'
  redis.call('RPUSH', key, message_of(head, cjson.encode(t.a.member), digits(t.now), t.a.value))
  redis.call('LTRIM', key, -most, -1)
  local oldest = (keep or 0) > 0 and t.now - keep * 1000
  while oldest do
    local at = str_match(redis.call('LINDEX', key, 0), '^{"id":.-,"by":.-,"at":(%d+),"d":')
    if not at or tonumber(at) >= oldest then break end
    redis.call('LPOP', key)
  end
end

-- The author and the time stay those of the message.
local function effect_edit(t, key)
  local kept = str_match(str_sub(t.entry, #t.head + 1), '^(.-,"at":%d+),"d":')
  redis.call('LSET', key, t.place, t.head .. kept .. ',"d":' .. t.a.value .. '}')
end

local function effect_erase(t, key) redis.call('LREM', key, 1, t.entry) end

-- The record one version further: what is not given stays; a new owner without an end has none.
local function record_text(t, key, field, state, owner, after, value)
  local r = record_of(t, key, field)
  r.ends = after and t.now + after or owner and 0 or r.ends
  r.owner = owner or r.owner
  return digits(r.version + 1) .. '|' .. (state or r.state) .. '|' .. r.owner .. '|' .. digits(r.ends) .. '|' .. (value or r.value)
end

local function effect_record_hash(t, key, field, state, owner, after, value)
  redis.call('HSET', key, field, record_text(t, key, field, state, owner, after, value))
end

-- A string ends by itself with its record, so that nobody has to tidy up.
local function effect_record_string(t, key, state, owner, after, value)
  local text = record_text(t, key, nil, state, owner, after, value)
  if t.record.ends > 0 then
    redis.call('SET', key, text, 'PX', t.record.ends - t.now)
  else
    redis.call('SET', key, text, 'EX', t.a.ttl_s)
  end
end

-- A seat's entry. As names are compared is told only where small letters alone do not tell it: most entries then stay within
-- the 64 B up to which a hash is a listpack.
local function seat_of(t)
  local name = '{"name":' .. cjson.encode(t.a.name)
  return string.lower(t.a.name) == t.a.folded and name .. '}' or name .. ',"as":' .. cjson.encode(t.a.folded) .. '}'
end

-- A name that nobody approved yet waits beside the seat; one that was refused stays so until another is given.
local function effect_check_name(t, key, state)
  if t.s.checks_names ~= '1' then return end
  local entry, known = seat_of(t), record_of(t, key, t.a.member)
  if known.value == entry and known.state == 'approved' then return end
  if known.value ~= entry then redis.call('HSET', key, t.a.member, record_text(t, key, t.a.member, state, t.a.member, nil, entry)) end
  t.a.name, t.a.folded = '', ''
end

local function effect_show_name(t, key, field)
  local entry = record_of(t, key, field).value
  redis.call('HSET', t.roster, field, entry)
  t.approved = str_match(entry, '^{"name":(".*"),"as":') or str_match(entry, '^{"name":(".*")}$') or '""'
end

-- Seat and lease; connections beyond the bound give way, those that end first in front.
local function effect_sit(t, lease, most)
  local me, mine = t.a.member .. '#' .. t.a.connection, connections_of(t.presence, t.a.member)
  local others, taken = #mine, {}
  for _, c in ipairs(mine) do
    if c.name == me then others = others - 1 end
  end
  for _, c in ipairs(mine) do
    if c.name ~= me and others >= most then
      redis.call('ZREM', t.presence, c.name)
      taken[#taken + 1], others = cjson.encode(c.name), others - 1
    end
  end
  t.taken = '[' .. table.concat(taken, ',') .. ']'
  redis.call('ZADD', t.presence, digits(t.now + lease), me)
  redis.call('HSET', t.roster, t.a.member, seat_of(t))
  clear_field(t, 'away:' .. t.a.member)
end

local function effect_lease(t, lease, as)
  redis.call('ZADD', t.presence, digits(t.now + lease), as .. t.a.member .. '#' .. t.a.connection)
end

local function effect_rename(t) redis.call('HSET', t.roster, t.a.member, seat_of(t)) end

-- Who asks for a ban knows the member and not the device. Where that is the member's own id it needs no field.
local function effect_device(t)
  local field, known = 'hidden:device:' .. t.a.member, t.a.device ~= t.a.member and t.a.device
  if known and known ~= t.s[field] then set_field(t, field, known) end
  if not known and t.s[field] then clear_field(t, field) end
end

local function effect_ban(t)
  local device = t.s['hidden:device:' .. t.a.target]
  set_field(t, 'hidden:ban:' .. t.a.target, device or t.a.target)
  if device then set_field(t, 'hidden:ban:' .. device, '1') end
end

local function effect_unban(t)
  local device = t.s['hidden:ban:' .. t.a.target]
  clear_field(t, 'hidden:ban:' .. t.a.target)
  if device and device ~= t.a.target then clear_field(t, 'hidden:ban:' .. device) end
end

local function effect_unseat(t)
  redis.call('HDEL', t.roster, t.a.target)
  for _, who in ipairs({t.a.target, 'watch:' .. t.a.target}) do
    for _, c in ipairs(connections_of(t.presence, who)) do redis.call('ZREM', t.presence, c.name) end
  end
  clear_field(t, 'role:' .. t.a.target)
  clear_field(t, GAINED .. t.a.target)
  if redis.call('HGET', t.state, 'owner') ~= t.a.target then clear_field(t, 'away:' .. t.a.target) end
  forget(t.state, t.a.target)
end

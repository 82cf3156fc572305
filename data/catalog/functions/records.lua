-- One change of one element of a session's collection, together with version, log, TTL and publish.

-- FUNCTION session_record
-- The command that makes the change, or what is wrong with its value.
local function change_of(target, a)
  local command, value = a.command, a.value
  if ELEMENT[command].value ~= (value ~= false) then return nil, 'BADARG session_record: value' end
  if command == 'ZADD' or command == 'ZINCRBY' then
    if not decimal(value, -1e300, 1e300) then return nil, 'BADARG session_record: value' end
    return {command, target, value, a.element}
  end
  if command == 'HINCRBY' and not (#value <= 18 and str_match(value, '^%-?%d+$')) then
    return nil, 'BADARG session_record: value'
  end
  return {command, target, a.element, value or nil}
end

local function session_record(keys, a, session)
  local change, wrong = change_of(keys[4], a)
  if wrong then return redis.error_reply(wrong) end
  local refused = refusal(keys[3], session, a)
  if refused then return refused end
  if not session.now then clock(session) end
  local rule = ELEMENT[a.command]
  if rule.size then
    local there = redis.call(rule.has, keys[4], a.element) or 0
    if there ~= 0 and a.command == 'HSETNX' then return {session.version, 'taken'} end
    if there == 0 and redis.call(rule.size, keys[4]) >= a.most then return {session.version, 'full'} end
  end
  -- The collection is written first: where its command fails, nothing else has happened.
  local done = redis.pcall(unpack(change))
  if type(done) == 'table' and done.err then
    return str_match(done.err, '^ERR') and redis.error_reply('BADDATA session_record: ' .. done.err) or done
  end
  if rule.trim then redis.call(rule.trim, keys[4], -a.most, -1) end
  if rule.size or rule.trim then note(keys[1], keys[4]) end
  advance(keys, keys[2], session, a, a.type, a.op_id, a.data)
  remember(keys[3], session, a)
  refresh(keys, a.ttl_s, 4, 4, 1, 4)
  return {session.version, 'ok'}
end

-- FUNCTION session_drop
local function session_drop(keys, a, session)
  local there = 0
  for i = 2, #keys do
    there = there + redis.call('UNLINK', keys[i])
    local part = session and part_of(keys[1], keys[i])
    if part then redis.call('HDEL', keys[1], NOTE .. part) end
  end
  return there
end

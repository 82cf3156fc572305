-- The functions of a session: every change of a session's state is one of these, and each is one atomic step.
--
-- Rules they share
--   * Everything is checked before the first write: neither Lua nor MULTI rolls back, so an error leaves no write behind.
--   * All keys are declared and lie in one slot. Keys after the named ones are the session's other keys: their TTL is
--     refreshed in the same step.
--   * A TTL is set again only when less than half of it is left: a sliding TTL on every write doubles the AOF.
--   * Versions are integers up to 2^53 - 1 and never pass through cjson, which writes large numbers as floats.
--   * A session is open, then ended, then handed over, then gone: session_end, session_hand_over, session_remove.
--   * Times are the server's: no caller's clock decides anything.
-- Errors: BADARG with the argument's name, WRONGTYPE with the key, BADSTATE (the state is not one of ours), BADDATA (the
-- element can't take this change), NOPERM with the command, OOM; after each of them nothing has been written.

-- FUNCTION session_create
local function session_create(keys, a, session)
  local wrong = reserved(a.fields)
  if wrong then return redis.error_reply('BADARG session_create: ' .. wrong) end
  if session then return 'exists' end
  local now = clock_text()
  for i = 2, #keys do redis.call('UNLINK', keys[i]) end
  redis.call('HSET', keys[1], 'status', 'open', 'epoch', a.epoch, 'version', '0', 'created_at', now, 'updated_at', now,
    unpack(a.fields))
  redis.call('EXPIRE', keys[1], a.ttl_s)
  return 'created'
end

-- FUNCTION session_join
local function session_join(keys, a, session)
  if not session then return {0, 'gone'} end
  if session.ended then return {session.version, 'ended'} end
  local member = member_of(a.member)
  if member == '' then return redis.error_reply('BADARG session_join: member') end
  if redis.call('HEXISTS', keys[1], 'hidden:ban:' .. member) == 1 then return {session.version, 'banned'} end
  local old = redis.call('HGET', keys[2], member)
  local own = whole(redis.call('HGET', keys[1], 'capacity') or '9007199254740991', 1, LAST_VERSION)
  if not own then return redis.error_reply('BADSTATE ' .. keys[1] .. ' has a capacity that is no number') end
  if not old and redis.call('HLEN', keys[2]) >= math.min(a.capacity or own, own) then return {session.version, 'full'} end
  local taken = nil
  if old and not redis.call('ZSCORE', keys[3], a.member) then
    local mine = leases(keys[3], member)
    if #mine >= a.connections_max then taken = mine[1] end
  end
  redis.call('ZADD', keys[3], digits(clock() + a.lease_ms), a.member)
  if taken then redis.call('ZREM', keys[3], taken) end
  local data = old and a.data == 'null' and old or a.data -- who says nothing of itself keeps what was said
  local told = old ~= data or taken ~= nil
  if told then
    redis.call('HSET', keys[2], member, data)
    local about = '{"m":' .. cjson.encode(member) .. ',"c":' .. cjson.encode(a.member) ..
      (taken and ',"taken":' .. cjson.encode(taken) or '') .. ',"data":' .. data .. '}'
    advance(keys, keys[4], session, a, 'join', '', about)
  end
  refresh(keys, a.ttl_s, 2, 3, 0, 4)
  return {session.version, told and 'joined' or 'again'}
end

-- FUNCTION session_leave
local function session_leave(keys, a, session)
  if not session then return {0, 'gone'} end
  if session.ended then return {session.version, 'ended'} end
  local wrong = unfit('session_leave', keys, 5, a.with_seat)
  if wrong then return redis.error_reply(wrong) end
  local member = member_of(a.member)
  local mine = leases(keys[3], member)
  clock(session)
  if a.member ~= member then
    if redis.call('ZREM', keys[3], a.member) == 0 then return {session.version, 'absent'} end
    if #mine > 1 then
      refresh(keys, a.ttl_s, 2, 3, 0, 4)
      return {session.version, 'stays'}
    end
  else
    if redis.call('HEXISTS', keys[2], member) == 0 then return {session.version, 'absent'} end
    for _, c in ipairs(mine) do redis.call('ZREM', keys[3], c) end
  end
  redis.call('HDEL', keys[2], member)
  vacate(keys, 5, a.with_seat, member)
  local gone = forget(keys[1], member)
  local about = '{"m":' .. cjson.encode(member) .. ',"c":' .. cjson.encode(a.member) .. ',"why":"left"' .. gone .. '}'
  advance(keys, keys[4], session, a, 'leave', '', about)
  refresh(keys, a.ttl_s, 2, 3, 0, 4)
  return {session.version, 'left'}
end

-- FUNCTION session_apply
local function session_apply(keys, a, session)
  local wrong = reserved(a.fields)
  if wrong then return redis.error_reply('BADARG session_apply: ' .. wrong) end
  local refused = refusal(keys[3], session, a)
  if refused then return refused end
  advance(keys, keys[2], session, a, a.type, a.op_id, a.data, a.fields)
  remember(keys[3], session, a)
  refresh(keys, a.ttl_s, 3, 2, 1, 3)
  return {session.version, 'ok'}
end

-- FUNCTION session_heartbeat
local function session_heartbeat(keys, a, session)
  if not session then return 'gone' end
  if session.ended then return 'ended' end
  local lease = a.member
  if not redis.call('ZSCORE', keys[2], lease) then lease = 'watch:' .. a.member end -- who only watches
  if not redis.call('ZSCORE', keys[2], lease) then return 'lapsed' end
  redis.call('ZADD', keys[2], digits(clock() + a.lease_ms - a.silent_ms), lease) -- also earlier than it was: a clock may have been set back
  refresh(keys, a.ttl_s, 2, 2, 0, 2)
  return 'renewed'
end

-- FUNCTION session_sweep
local function session_sweep(keys, a, session)
  if not session then
    local orphans = redis.call('ZRANGE', keys[3], 0, 99)
    for i = 2, #keys do redis.call('UNLINK', keys[i]) end
    return orphans
  end
  local wrong = unfit('session_sweep', keys, 5, a.with_seat)
  if wrong then return redis.error_reply(wrong) end
  local lapsed = {}
  if not session.ended then
    lapsed = redis.call('ZRANGEBYSCORE', keys[3], '-inf', '(' .. digits(clock()), 'LIMIT', 0, 100)
  end
  if #lapsed > 0 then
    redis.call('ZREM', keys[3], unpack(lapsed))
    local live = {}
    for _, c in ipairs(redis.call('ZRANGE', keys[3], 0, -1)) do live[member_of(c)] = true end
    for _, c in ipairs(lapsed) do
      local member = member_of(c)
      if not live[member] and redis.call('HDEL', keys[2], member) == 1 then
        vacate(keys, 5, a.with_seat, member)
        local gone = forget(keys[1], member)
        local about = '{"m":' .. cjson.encode(member) .. ',"c":' .. cjson.encode(c) .. ',"why":"lease"' .. gone .. '}'
        advance(keys, keys[4], session, a, 'leave', '', about)
      elseif starts(member, 'watch:') and not live[member] and not live[str_sub(member, 7)] then
        redis.call('HDEL', keys[1], 'hidden:device:' .. str_sub(member, 7))
      end
    end
  end
  for i = 1, #keys do
    if redis.call('TTL', keys[i]) == -1 then redis.call('EXPIRE', keys[i], a.ttl_s) end
  end
  return lapsed
end

-- FUNCTION session_catch_up
local function session_catch_up(keys, a, session)
  if not session then return {'gone'} end
  local missed, from = session.version - a.version, a.version - math.min(a.version, a.overlap)
  if session.epoch == a.known_epoch and missed >= 0 and missed <= a.max.entries then
    local found, delta = {}, {'delta', session.version}
    local wanted = session.version - from
    if wanted > 0 and a.max.form == 'stream' then
      found = stream_missed(keys[2], from, wanted)
    elseif wanted > 0 then
      found = list_missed(keys[2], wanted)
    end
    local whole_delta = #found == wanted
    for i, entry in ipairs(found) do
      local e, v = str_match(entry, '^{"e":"(%x+)","v":(%d+),')
      whole_delta = whole_delta and e == session.epoch and tonumber(v) == from + i
      delta[#delta + 1] = entry
    end
    if whole_delta then return delta end
  end
  local snapshot = {'snapshot', session.version, session.epoch}
  local all = redis.call('HGETALL', keys[1])
  for i = 1, #all, 2 do
    if not starts(all[i], NOTE) and not starts(all[i], HIDDEN) then
      snapshot[#snapshot + 1] = all[i]
      snapshot[#snapshot + 1] = all[i + 1]
    end
  end
  return snapshot
end

-- FUNCTION session_renew
local function session_renew(keys, a, session)
  if not session then return {0, 'gone'} end
  if session.epoch == a.epoch then return {session.version, 'same'} end
  session.epoch = a.epoch
  advance(keys, keys[2], session, a, 'epoch', '', 'null', {'epoch', a.epoch})
  refresh(keys, a.ttl_s, 2, 1, 0, 2)
  return {session.version, 'renewed'}
end

-- FUNCTION session_end
local function session_end(keys, a, session)
  if not session then return {0, 'gone'} end
  if session.ended then return {session.version, 'again'} end
  advance(keys, keys[2], session, a, 'end', '', 'null', {'status', 'ended'})
  refresh(keys, a.ttl_s, 2, 1, 0, 2)
  return {session.version, 'ended'}
end

-- FUNCTION session_hand_over
local function session_hand_over(keys, a, session)
  if not session then return {0, 'gone'} end
  if session.status == 'handed_over' then return {session.version, 'again'} end
  if not session.ended then return {session.version, 'open'} end
  local told = '{"set":{"receipt":' .. cjson.encode(a.receipt) .. '}}'
  advance(keys, keys[2], session, a, 'handed_over', '', told, {'status', 'handed_over', 'receipt', a.receipt})
  refresh(keys, a.ttl_s, 2, 1, 0, 2)
  return {session.version, 'handed_over'}
end

-- FUNCTION session_remove
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

-- Atomic steps outside the state of a session: a project's library holds those that its keyspace needs.

-- FUNCTION rate_hit
local function rate_hit(keys, a)
  local count = redis.pcall('INCR', keys[1])
  if type(count) == 'table' then
    return str_match(count.err, '^ERR') and redis.error_reply('BADSTATE ' .. keys[1] .. ' holds no counter') or count
  end
  if redis.call('PTTL', keys[1]) < 0 then redis.call('EXPIRE', keys[1], a.ttl_s) end
  return {count, count <= a.limit and 'allowed' or 'refused'}
end

-- FUNCTION rate_back
local function rate_back(keys, a)
  local count = whole(redis.call('GET', keys[1]) or '0', 0, LAST_VERSION)
  if not count then return redis.error_reply('BADSTATE ' .. keys[1] .. ' holds no counter') end
  if count == 0 then return 'none' end
  redis.call('DECR', keys[1])
  if redis.call('PTTL', keys[1]) < 0 then redis.call('EXPIRE', keys[1], a.ttl_s) end
  return 'given_back'
end

-- FUNCTION signal_send
local function signal_send(keys, a)
  local count = redis.pcall('INCR', keys[1])
  if type(count) == 'table' then
    return str_match(count.err, '^ERR') and redis.error_reply('BADSTATE ' .. keys[1] .. ' holds no counter') or count
  end
  if redis.call('PTTL', keys[1]) < 0 then redis.call('EXPIRE', keys[1], a.ttl_s) end
  if count > a.limit then return {count, 'refused'} end
  tell(a, a.message)
  return {count, 'sent'}
end

-- FUNCTION rate_slide
local function rate_slide(keys, a)
  local now = clock()
  redis.call('ZREMRANGEBYSCORE', keys[1], '-inf', digits(now - a.window_ms))
  local count = redis.call('ZCOUNT', keys[1], '-inf', digits(now)) -- none of a clock that was set back since
  if redis.call('ZSCORE', keys[1], a.use_id) then return {count, 'allowed'} end
  if count >= a.limit then return {count, 'refused'} end
  redis.call('ZADD', keys[1], digits(now), a.use_id)
  redis.call('PEXPIRE', keys[1], a.window_ms)
  return {count + 1, 'allowed'}
end

-- FUNCTION lock_take
local function lock_take(keys, a)
  local held = redis.call('GET', keys[1])
  local holder, mine = str_match(held or '', '^(.*):(%d+)$')
  if held and holder ~= a.holder then return {0, 'held'} end
  if held then
    redis.call('PEXPIRE', keys[1], a.lock_ms)
    return {tonumber(mine), 'taken'}
  end
  local token = redis.pcall('INCR', keys[2])
  if type(token) == 'table' then
    return str_match(token.err, '^ERR') and redis.error_reply('BADSTATE ' .. keys[2] .. ' holds no counter') or token
  end
  redis.call('EXPIRE', keys[2], a.fence_ttl_s)
  redis.call('SET', keys[1], a.holder .. ':' .. digits(token), 'PX', a.lock_ms)
  return {token, 'taken'}
end

-- FUNCTION lock_renew
local function lock_renew(keys, a)
  if redis.call('GET', keys[1]) ~= a.holder .. ':' .. digits(a.token) then return 'lost' end
  redis.call('PEXPIRE', keys[1], a.lock_ms)
  return 'renewed'
end

-- FUNCTION lock_release
local function lock_release(keys, a)
  if redis.call('GET', keys[1]) ~= a.holder .. ':' .. digits(a.token) then return 'lost' end
  redis.call('UNLINK', keys[1])
  return 'released'
end

-- FUNCTION code_take
local function code_take(keys, a)
  local led = redis.call('GET', keys[1])
  if led and led ~= a.leads_to then return 'held' end
  redis.call('SET', keys[1], a.leads_to, 'EX', a.ttl_s)
  return 'taken'
end

-- FUNCTION code_release
local function code_release(keys, a)
  if redis.call('GET', keys[1]) ~= a.leads_to then return 'lost' end
  redis.call('UNLINK', keys[1])
  return 'released'
end

-- FUNCTION codes_take
local function codes_take(keys, a)
  local led = redis.call('HGET', keys[1], a.code)
  if led and led ~= a.leads_to then return 'held' end
  redis.call('HSETEX', keys[1], 'EX', a.state_ttl_s, 'FIELDS', '1', a.code, a.leads_to)
  redis.call('EXPIRE', keys[1], a.ttl_s)
  return 'taken'
end

-- FUNCTION codes_release
local function codes_release(keys, a)
  if redis.call('HGET', keys[1], a.code) ~= a.leads_to then return 'lost' end
  redis.call('HDEL', keys[1], a.code)
  return 'released'
end

-- FUNCTION due_claim
-- A claimed entry has another one beside it for as long. Who writes deadlines knows no claims: whatever an entry is given
-- meanwhile, nobody else takes it before its worker is done or the claim ends.
local function due_claim(keys, a)
  local now, found = clock(), {}
  local later = digits(now + a.claim_ms)
  for _, entry in ipairs(redis.call('ZRANGEBYSCORE', keys[1], '-inf', digits(now), 'LIMIT', 0, 2 * a.batch)) do
    local claimed = tonumber(redis.call('ZSCORE', keys[1], 'claimed ' .. entry) or 0)
    if str_sub(entry, 1, 8) == 'claimed ' then
      if tonumber(redis.call('ZSCORE', keys[1], entry)) <= now then redis.call('ZREM', keys[1], entry) end
    elseif claimed > now then
      redis.call('ZADD', keys[1], 'XX', digits(claimed + 1), entry)
    elseif #found < 2 * a.batch then
      redis.call('ZADD', keys[1], later, entry, later, 'claimed ' .. entry)
      found[#found + 1] = entry
      found[#found + 1] = later
    end
  end
  return found
end

-- FUNCTION due_done
local function due_done(keys, a)
  if not unclaim(keys[1], a) then return 'lost' end
  redis.call('ZREM', keys[1], a.entry)
  return 'done'
end

-- FUNCTION due_move
local function due_move(keys, a)
  if not unclaim(keys[1], a) then return 'lost' end
  redis.call('ZADD', keys[1], 'XX', digits(a.at_ms), a.entry)
  return 'moved'
end

-- FUNCTION inbox_push
local function inbox_push(keys, a)
  local length = redis.call('RPUSH', keys[1], a.message)
  redis.call('LTRIM', keys[1], -a.most, -1)
  redis.call('EXPIRE', keys[1], a.ttl_s)
  tell(a, a.message)
  return math.min(length, a.most)
end

-- FUNCTION inbox_seen
local function inbox_seen(keys, a)
  redis.call('LREM', keys[1], 1, a.message)
  return redis.call('LLEN', keys[1])
end

-- FUNCTION hash_put
local function hash_put(keys, a)
  if #a.fields == 0 then return redis.error_reply('BADARG hash_put: fields') end
  redis.call('HSET', keys[1], unpack(a.fields))
  redis.call('EXPIRE', keys[1], a.ttl_s)
  tell(a, a.notice)
  return 'ok'
end

-- FUNCTION latest_put
local function latest_put(keys, a)
  if (tonumber(redis.call('HGET', keys[1], 'at') or '-1') or -1) >= a.at_ms then return 'late' end
  if #a.fields > 0 then redis.call('HSET', keys[1], unpack(a.fields)) end
  redis.call('HSET', keys[1], 'at', digits(a.at_ms))
  redis.call('EXPIRE', keys[1], a.ttl_s)
  tell(a, a.notice)
  return 'ok'
end

-- FUNCTION series_add
local function series_add(keys, a)
  local at = digits(a.at_ms)
  redis.call('ZREMRANGEBYSCORE', keys[1], at, at)
  redis.call('ZADD', keys[1], at, a.element)
  redis.call('ZREMRANGEBYRANK', keys[1], 0, -a.most - 1)
  redis.call('EXPIRE', keys[1], a.ttl_s)
  return redis.call('ZCARD', keys[1])
end

-- FUNCTION wait_enter
local function wait_enter(keys, a)
  local new = redis.call('ZADD', keys[1], 'NX', digits(clock()), a.entry)
  redis.call('EXPIRE', keys[1], a.ttl_s)
  return {redis.call('ZRANK', keys[1], a.entry) + 1, new == 1 and 'waits' or 'again'}
end

-- FUNCTION wait_leave
local function wait_leave(keys, a)
  return redis.call('ZREM', keys[1], a.entry) == 1 and 'left' or 'absent'
end

-- FUNCTION match_take
local function match_take(keys, a)
  if redis.call('ZCARD', keys[1]) < a.count then return {} end
  local found = redis.call('ZRANGE', keys[1], 0, a.count - 1)
  redis.call('ZREM', keys[1], unpack(found))
  return found
end

-- FUNCTION position_put
local function position_put(keys, a)
  redis.call('GEOADD', keys[1], a.longitude, a.latitude, a.entry)
  redis.call('ZADD', keys[2], digits(clock() + a.lease_ms), a.entry)
  redis.call('EXPIRE', keys[1], a.ttl_s)
  redis.call('EXPIRE', keys[2], a.ttl_s)
  return 'ok'
end

-- FUNCTION position_sweep
local function position_sweep(keys, a)
  local gone = redis.call('ZRANGEBYSCORE', keys[2], '-inf', digits(clock()), 'LIMIT', 0, a.batch)
  if #gone > 0 then
    redis.call('ZREM', keys[1], unpack(gone))
    redis.call('ZREM', keys[2], unpack(gone))
  end
  return gone
end

-- FUNCTION cell_move
local function cell_move(keys, a)
  local known = redis.call('ZREM', keys[1], a.entry)
  redis.call('ZADD', keys[2], digits(clock() + a.lease_ms), a.entry)
  redis.call('EXPIRE', keys[2], a.ttl_s)
  return known == 1 and 'moved' or 'new'
end

-- FUNCTION online_beat
local function online_beat(keys, a)
  local now = clock()
  local before = redis.call('ZSCORE', keys[1], a.entry)
  redis.call('ZADD', keys[1], digits(now + a.lease_ms), a.entry)
  redis.call('EXPIRE', keys[1], a.ttl_s)
  return (not before or tonumber(before) <= now) and 'new' or 'known'
end

-- FUNCTION unique_add
local function unique_add(keys, a)
  local changed = redis.pcall('PFADD', keys[1], a.entry)
  if type(changed) == 'table' then
    return str_match(changed.err, '^WRONGTYPE') and redis.error_reply('WRONGTYPE ' .. keys[1] .. ' holds no HyperLogLog') or changed
  end
  redis.call('EXPIRE', keys[1], a.ttl_s)
  return changed == 1 and 'new' or 'known'
end

-- FUNCTION topic_tell
local function topic_tell(keys, a)
  local seq = redis.pcall('INCR', keys[1])
  if type(seq) == 'table' then
    return str_match(seq.err, '^ERR') and redis.error_reply('BADSTATE ' .. keys[1] .. ' holds no counter') or seq
  end
  redis.call('EXPIRE', keys[1], a.ttl_s)
  tell(a, '{"seq":' .. digits(seq) .. ',"d":' .. a.change .. '}')
  return {seq, 'told'}
end

-- FUNCTION cache_keep
local function cache_keep(keys, a)
  local ttl = tonumber(a.ttl_s)
  redis.call('SET', keys[1], a.content, 'EX', digits(ttl + clock() % (math.floor(ttl / 10) + 1)))
  return 'kept'
end

-- FUNCTION token_issue
local function token_issue(keys, a)
  return redis.call('SET', keys[1], a.purpose .. ' ' .. a.subject, 'NX', 'EX', a.ttl_s) and 'issued' or 'taken'
end

-- FUNCTION token_redeem
local function token_redeem(keys, a)
  local found = redis.call('GET', keys[1])
  if not found or not starts(found, a.purpose .. ' ') then return {} end
  redis.call('UNLINK', keys[1])
  return {str_sub(found, #a.purpose + 2)}
end

-- FUNCTION request_begin
local function request_begin(keys, a)
  local known = redis.call('GET', keys[1])
  if not known then
    redis.call('SET', keys[1], 'pending', 'EX', a.ttl_s)
    return {'new'}
  end
  return known == 'pending' and {'pending'} or {'done', str_sub(known, 2)}
end

-- FUNCTION request_done
local function request_done(keys, a)
  if redis.call('GET', keys[1]) ~= 'pending' then return 'lost' end
  redis.call('SET', keys[1], '=' .. a.content, 'EX', a.ttl_s) -- the sign tells an answer from "pending"
  return 'kept'
end

-- FUNCTION job_add
local function job_add(keys, a)
  local waiting = redis.call('XLEN', keys[1])
  if waiting >= a.most then return {waiting, 'full'} end
  redis.call('XADD', keys[1], '*', 'd', a.content)
  return {waiting + 1, 'added'}
end

-- FUNCTION job_done
local function job_done(keys, a)
  redis.call('XACK', keys[1], a.group, a.job)
  return redis.call('XDEL', keys[1], a.job) == 1 and 'done' or 'lost'
end

-- FUNCTION board_put
local function board_put(keys, a)
  if redis.call('EXISTS', keys[1]) == 0 then return {0, 'missing'} end
  redis.call('ZADD', keys[1], a.points, a.entry)
  redis.call('ZREMRANGEBYRANK', keys[1], 0, -a.most - 1)
  redis.call('EXPIRE', keys[1], a.ttl_s)
  local rank = redis.call('ZREVRANK', keys[1], a.entry)
  return rank and {rank + 1, 'ranked'} or {0, 'below'}
end

-- FUNCTION board_fill
local function board_fill(keys, a)
  if #a.fields == 0 then return redis.error_reply('BADARG board_fill: fields') end
  local ranked = {}
  for n = 1, #a.fields, 2 do
    ranked[n], ranked[n + 1] = check_points(a.fields[n + 1]), check_name(a.fields[n])
    if not ranked[n] or not ranked[n + 1] then return redis.error_reply('BADARG board_fill: fields') end
  end
  redis.call('ZADD', keys[1], 'NX', unpack(ranked))
  redis.call('ZREMRANGEBYRANK', keys[1], 0, -a.most - 1)
  redis.call('EXPIRE', keys[1], a.ttl_s)
  return redis.call('ZCARD', keys[1])
end

-- FUNCTION flag_set
local function flag_set(keys, a)
  if redis.call('HEXISTS', keys[1], a.entry) == 0 and redis.call('HLEN', keys[1]) >= a.most then return 'full' end
  redis.call('HSET', keys[1], a.entry, a.content)
  tell(a, a.entry)
  return 'set'
end

-- Atomic steps outside the state of a session. Each serves the use patterns after FOR (use and type); a project's library
-- holds those that its keyspace needs. KEYS: target is the key of that use, other names are keys of the same use.
-- Rules: validate first, write after; every key is declared; the TTL is set in the same step; times are the server's.

-- PRELUDE
local function milliseconds()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function wrong_type(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= kind then
    return redis.error_reply('WRONGTYPE ' .. key .. ' holds a ' .. found .. ', not a ' .. kind)
  end
end

local function positive(...)
  for i = 1, select('#', ...) do
    local number = tonumber((select(i, ...)))
    if not number or number < 1 or number ~= math.floor(number) then return false end
  end
  return true
end

local function tell(channel, message)
  if channel == '' then return end
  local name = string.match(channel, '^(%S+) sharded$')
  if name then redis.call('SPUBLISH', name, message) else redis.call('PUBLISH', channel, message) end
end

-- FUNCTION rate_hit
-- FOR rate string
-- KEYS target
-- ARGV limit ttl_s
-- Reply counted
-- Returns {count, 1} while the count is within limit, {count, 0} beyond it. The counter is made with its TTL, and gets one
-- where it has none.
local function rate_hit(keys, args)
  if not positive(args[1], args[2]) then return redis.error_reply('BADARG rate_hit: limit ttl_s') end
  local wrong = wrong_type(keys[1], 'string')
  if wrong then return wrong end
  local count = redis.call('INCR', keys[1])
  if redis.call('PTTL', keys[1]) < 0 then redis.call('EXPIRE', keys[1], args[2]) end
  return {count, count <= tonumber(args[1]) and 1 or 0}
end

-- FUNCTION rate_slide
-- FOR rate zset
-- KEYS target
-- ARGV limit window_ms op_id
-- Reply counted
-- Returns {count, 1} and adds the use while fewer than limit lie in the window, {count, 0} otherwise. A repeated op_id
-- counts once.
local function rate_slide(keys, args)
  if not positive(args[1], args[2]) or (args[3] or '') == '' then
    return redis.error_reply('BADARG rate_slide: limit window_ms op_id')
  end
  local wrong = wrong_type(keys[1], 'zset')
  if wrong then return wrong end
  local now = milliseconds()
  redis.call('ZREMRANGEBYSCORE', keys[1], '-inf', string.format('%.0f', now - tonumber(args[2])))
  local count = redis.call('ZCARD', keys[1])
  if redis.call('ZSCORE', keys[1], args[3]) then return {count, 1} end
  if count >= tonumber(args[1]) then return {count, 0} end
  redis.call('ZADD', keys[1], string.format('%.0f', now), args[3])
  redis.call('PEXPIRE', keys[1], args[2])
  return {count + 1, 1}
end

-- FUNCTION lock_take
-- FOR lock string
-- KEYS target fence
-- ARGV holder lock_ms fence_ttl_s
-- Reply integer
-- Returns the fencing token, or 0 while another holds the lock. The same holder gets its token again, for longer.
local function lock_take(keys, args)
  if (args[1] or '') == '' or not positive(args[2], args[3]) then
    return redis.error_reply('BADARG lock_take: holder lock_ms fence_ttl_s')
  end
  local wrong = wrong_type(keys[1], 'string') or wrong_type(keys[2], 'string')
  if wrong then return wrong end
  local held = redis.call('GET', keys[1])
  if held then
    local holder, token = string.match(held, '^(.*):(%d+)$')
    if holder ~= args[1] then return 0 end
    redis.call('PEXPIRE', keys[1], args[2])
    return tonumber(token)
  end
  local token = redis.call('INCR', keys[2])
  redis.call('EXPIRE', keys[2], args[3])
  redis.call('SET', keys[1], args[1] .. ':' .. string.format('%.0f', token), 'PX', args[2])
  return token
end

-- FUNCTION lock_release
-- FOR lock string
-- KEYS target
-- ARGV holder token
-- Reply flag
-- Returns 1, or 0 where the lock is not this holder's any more: then nothing is deleted.
-- Flags allow-oom
local function lock_release(keys, args)
  if (args[1] or '') == '' or not args[2] then return redis.error_reply('BADARG lock_release: holder token') end
  local wrong = wrong_type(keys[1], 'string')
  if wrong then return wrong end
  if redis.call('GET', keys[1]) ~= args[1] .. ':' .. args[2] then return 0 end
  return redis.call('UNLINK', keys[1])
end

-- FUNCTION hold_take
-- FOR hold string
-- KEYS target
-- ARGV holder ttl_s
-- Reply flag
-- Returns 1, or 0 while another holds it. The same holder keeps it, for as long again.
local function hold_take(keys, args)
  if (args[1] or '') == '' or not positive(args[2]) then return redis.error_reply('BADARG hold_take: holder ttl_s') end
  local wrong = wrong_type(keys[1], 'string')
  if wrong then return wrong end
  local held = redis.call('GET', keys[1])
  if held and string.match(held, '^(.*):%d+$') ~= args[1] then return 0 end
  local ends = milliseconds() + tonumber(args[2]) * 1000
  redis.call('SET', keys[1], args[1] .. ':' .. string.format('%.0f', ends), 'EX', args[2])
  return 1
end

-- FUNCTION hold_release
-- FOR hold string
-- KEYS target
-- ARGV holder
-- Reply flag
-- Returns 1, or 0 where it is not this holder's any more: then nothing is deleted.
-- Flags allow-oom
local function hold_release(keys, args)
  if (args[1] or '') == '' then return redis.error_reply('BADARG hold_release: holder') end
  local wrong = wrong_type(keys[1], 'string')
  if wrong then return wrong end
  local held = redis.call('GET', keys[1])
  if not held or string.match(held, '^(.*):%d+$') ~= args[1] then return 0 end
  return redis.call('UNLINK', keys[1])
end

-- FUNCTION due_claim
-- FOR due zset
-- KEYS target
-- ARGV claim_ms batch
-- Reply claims
-- Returns entry, claimed_until, entry, claimed_until … of what is due, at most batch. A claimed entry is due again when its
-- claim ends, so the work of a worker that died is found by the next one; no two workers get one entry.
local function due_claim(keys, args)
  if not positive(args[1], args[2]) then return redis.error_reply('BADARG due_claim: claim_ms batch') end
  local wrong = wrong_type(keys[1], 'zset')
  if wrong then return wrong end
  local now, found = milliseconds(), {}
  local later = string.format('%.0f', now + tonumber(args[1]))
  local due = redis.call('ZRANGEBYSCORE', keys[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, args[2])
  for _, entry in ipairs(due) do
    redis.call('ZADD', keys[1], 'XX', later, entry)
    found[#found + 1] = entry
    found[#found + 1] = later
  end
  return found
end

-- FUNCTION due_done
-- FOR due zset
-- KEYS target
-- ARGV entry claimed_until
-- Reply flag
-- Returns 1, or 0 where the entry got another deadline or another worker's claim meanwhile: then it stays.
-- Flags allow-oom
local function due_done(keys, args)
  if not args[1] or not positive(args[2]) then return redis.error_reply('BADARG due_done: entry claimed_until') end
  local wrong = wrong_type(keys[1], 'zset')
  if wrong then return wrong end
  local score = redis.call('ZSCORE', keys[1], args[1])
  if not score or tonumber(score) ~= tonumber(args[2]) then return 0 end
  return redis.call('ZREM', keys[1], args[1])
end

-- FUNCTION inbox_push
-- FOR inbox list
-- KEYS target
-- ARGV publish_to message most ttl_s
-- Reply integer
-- Returns how many messages the inbox holds; the oldest beyond most are gone. The message is published in the same step.
local function inbox_push(keys, args)
  if not args[2] or not positive(args[3], args[4]) then
    return redis.error_reply('BADARG inbox_push: publish_to message most ttl_s')
  end
  local wrong = wrong_type(keys[1], 'list')
  if wrong then return wrong end
  local length = redis.call('RPUSH', keys[1], args[2])
  redis.call('LTRIM', keys[1], '-' .. args[3], -1)
  redis.call('EXPIRE', keys[1], args[4])
  tell(args[1], args[2])
  return math.min(length, tonumber(args[3]))
end

-- FUNCTION hash_put
-- FOR latest hash, things hash, counters hash
-- KEYS target
-- ARGV publish_to notice ttl_s [field value]...
-- Reply flag
-- Returns 1. The fields are written, the TTL is set and the notice is published in one step.
local function hash_put(keys, args)
  if not args[2] or not positive(args[3]) or #args < 5 or #args % 2 == 0 then
    return redis.error_reply('BADARG hash_put: publish_to notice ttl_s [field value]...')
  end
  local wrong = wrong_type(keys[1], 'hash')
  if wrong then return wrong end
  redis.call('HSET', keys[1], unpack(args, 4))
  redis.call('EXPIRE', keys[1], args[3])
  tell(args[1], args[2])
  return 1
end

-- FUNCTION series_add
-- FOR series zset
-- KEYS target
-- ARGV at_ms value most ttl_s
-- Reply integer
-- Returns how many values the series holds; the oldest beyond most are gone. A second value of one time replaces the first.
local function series_add(keys, args)
  if not positive(args[1], args[3], args[4]) or not args[2] then
    return redis.error_reply('BADARG series_add: at_ms value most ttl_s')
  end
  local wrong = wrong_type(keys[1], 'zset')
  if wrong then return wrong end
  redis.call('ZREMRANGEBYSCORE', keys[1], args[1], args[1])
  redis.call('ZADD', keys[1], args[1], args[2])
  redis.call('ZREMRANGEBYRANK', keys[1], 0, -tonumber(args[3]) - 1)
  redis.call('EXPIRE', keys[1], args[4])
  return redis.call('ZCARD', keys[1])
end

-- FUNCTION match_take
-- FOR matchmaking zset
-- KEYS target
-- ARGV count
-- Reply names
-- Returns count members who waited longest, removed; or none while fewer wait. Nobody is matched twice.
local function match_take(keys, args)
  if not positive(args[1]) then return redis.error_reply('BADARG match_take: count') end
  local wrong = wrong_type(keys[1], 'zset')
  if wrong then return wrong end
  if redis.call('ZCARD', keys[1]) < tonumber(args[1]) then return {} end
  local found = redis.call('ZRANGE', keys[1], 0, tonumber(args[1]) - 1)
  redis.call('ZREM', keys[1], unpack(found))
  return found
end

-- FUNCTION position_put
-- FOR geo zset
-- KEYS positions position-leases
-- ARGV entry longitude latitude lease_ms ttl_s
-- Reply flag
-- Returns 1. Position and lease are one step, so that neither is left without the other.
local function position_put(keys, args)
  if (args[1] or '') == '' or not tonumber(args[2]) or not tonumber(args[3]) or not positive(args[4], args[5]) then
    return redis.error_reply('BADARG position_put: entry longitude latitude lease_ms ttl_s')
  end
  local wrong = wrong_type(keys[1], 'zset') or wrong_type(keys[2], 'zset')
  if wrong then return wrong end
  redis.call('GEOADD', keys[1], args[2], args[3], args[1])
  redis.call('ZADD', keys[2], string.format('%.0f', milliseconds() + tonumber(args[4])), args[1])
  redis.call('EXPIRE', keys[1], args[5])
  redis.call('EXPIRE', keys[2], args[5])
  return 1
end

-- FUNCTION position_sweep
-- FOR geo zset
-- KEYS positions position-leases
-- ARGV batch
-- Reply names
-- Returns the entries whose lease has ended, removed from both keys, at most batch.
local function position_sweep(keys, args)
  if not positive(args[1]) then return redis.error_reply('BADARG position_sweep: batch') end
  local wrong = wrong_type(keys[1], 'zset') or wrong_type(keys[2], 'zset')
  if wrong then return wrong end
  local gone = redis.call('ZRANGEBYSCORE', keys[2], '-inf', string.format('%.0f', milliseconds()), 'LIMIT', 0, args[1])
  if #gone > 0 then
    redis.call('ZREM', keys[1], unpack(gone))
    redis.call('ZREM', keys[2], unpack(gone))
  end
  return gone
end

-- FUNCTION cell_move
-- FOR cells zset
-- KEYS from to
-- ARGV entry lease_ms ttl_s
-- Reply flag
-- Returns 1 where the entry was in the old cell. It is never in both, and never in none but for its lease.
local function cell_move(keys, args)
  if (args[1] or '') == '' or not positive(args[2], args[3]) then
    return redis.error_reply('BADARG cell_move: entry lease_ms ttl_s')
  end
  local wrong = wrong_type(keys[1], 'zset') or wrong_type(keys[2], 'zset')
  if wrong then return wrong end
  local known = redis.call('ZREM', keys[1], args[1])
  redis.call('ZADD', keys[2], string.format('%.0f', milliseconds() + tonumber(args[2])), args[1])
  redis.call('EXPIRE', keys[2], args[3])
  return known
end

-- FUNCTION online_beat
-- FOR online zset
-- KEYS target
-- ARGV entry lease_ms ttl_s
-- Reply flag
-- Returns 1 where the entry was not online before, else 0.
local function online_beat(keys, args)
  if (args[1] or '') == '' or not positive(args[2], args[3]) then
    return redis.error_reply('BADARG online_beat: entry lease_ms ttl_s')
  end
  local wrong = wrong_type(keys[1], 'zset')
  if wrong then return wrong end
  local now = milliseconds()
  local before = redis.call('ZSCORE', keys[1], args[1])
  redis.call('ZADD', keys[1], string.format('%.0f', now + tonumber(args[2])), args[1])
  redis.call('EXPIRE', keys[1], args[3])
  return (not before or tonumber(before) <= now) and 1 or 0
end

-- FUNCTION gateway_add
-- FOR gateway set
-- KEYS target
-- ARGV entry ttl_s
-- Reply flag
-- Returns 1 where the entry is new, else 0. The TTL is set again in the same step.
local function gateway_add(keys, args)
  if (args[1] or '') == '' or not positive(args[2]) then return redis.error_reply('BADARG gateway_add: entry ttl_s') end
  local wrong = wrong_type(keys[1], 'set')
  if wrong then return wrong end
  local new = redis.call('SADD', keys[1], args[1])
  redis.call('EXPIRE', keys[1], args[2])
  return new
end

-- FUNCTION unique_add
-- FOR unique string
-- KEYS target
-- ARGV entry ttl_s
-- Reply flag
-- Returns 1 where the estimate changed, else 0. The TTL is set in the same step.
local function unique_add(keys, args)
  if (args[1] or '') == '' or not positive(args[2]) then return redis.error_reply('BADARG unique_add: entry ttl_s') end
  local wrong = wrong_type(keys[1], 'string')
  if wrong then return wrong end
  local changed = redis.call('PFADD', keys[1], args[1])
  redis.call('EXPIRE', keys[1], args[2])
  return changed
end

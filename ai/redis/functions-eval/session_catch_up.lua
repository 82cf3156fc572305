local function log_form(text)
  local entries, form = string.match(text, '^(%d+)%s*(%a*)$')
  return tonumber(entries), form == 'stream' and 'stream' or 'list'
end

-- The session's epoch and version, or nil where it is gone or ended.
local function position(state)
  local f = redis.call('HMGET', state, 'epoch', 'version', 'status')
  if not f[1] or f[3] == 'ended' then return nil end
  return f[1], tonumber(f[2])
end

-- A key of the session with an id of its own ("answer:7") is noted as a field "key:answer:7" of the state by the write that
-- makes it, so that who ends the session can name it without SCAN. These fields are not the project's.
local NOTE = 'key:'

-- What the state holds as field, value pairs, without the notes.
local function content(state)
  local all, found = redis.call('HGETALL', state), {}
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, #NOTE) ~= NOTE then
      found[#found + 1] = all[i]
      found[#found + 1] = all[i + 1]
    end
  end
  return found
end

-- session_catch_up
-- Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 9 more
-- KEYS state log
-- ARGV epoch version max
-- Returns {"delta", version, entries...} without a hole, {"snapshot", version, epoch, field, value...}, or {"gone"}.
-- Another epoch, a client that is ahead, or more than max missed events give a snapshot.
-- Flags no-writes
local function session_catch_up(keys, args)
  local theirs = tonumber(args[2])
  local most, form = log_form(args[3] or '')
  if not theirs or not most then return redis.error_reply('BADARG session_catch_up: epoch version max') end
  local epoch, version = position(keys[1])
  if not epoch then return {'gone'} end
  local missed = version - theirs
  if epoch == args[1] and missed >= 0 and missed <= most then
    local entries = {}
    if missed > 0 and form == 'stream' then
      for _, e in ipairs(redis.call('XRANGE', keys[2], string.format('%.0f-0', theirs + 1), '+', 'COUNT', missed)) do
        entries[#entries + 1] = e[2][2]
      end
    elseif missed > 0 then
      entries = redis.call('LRANGE', keys[2], -missed, -1)
    end
    local whole = #entries == missed
    for i = 1, #entries do
      local e, v = string.match(entries[i], '^{"e":"(%x+)","v":(%d+),')
      whole = whole and e == epoch and tonumber(v) == theirs + i
    end
    if whole then return {'delta', version, unpack(entries)} end
  end
  return {'snapshot', version, epoch, unpack(content(keys[1]))}
end

return session_catch_up(KEYS, ARGV)

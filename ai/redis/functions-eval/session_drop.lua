-- A key of the session with an id of its own ("answer:7") is noted as a field "key:answer:7" of the state by the write that
-- makes it, so that who ends the session can name it without SCAN. These fields are not the project's.
local NOTE = 'key:'

local function part_of(state, key)
  local home = string.match(state, '^(.*:)[^:]*$')
  local part = home and string.sub(key, 1, #home) == home and string.sub(key, #home + 1)
  return part and string.find(part, ':', 1, true) and part or nil
end

-- session_drop
-- For buzzroom:v1:{<session_id>}:answer:<round_id>
-- Serves US-010.1 (prd.md:83), US-009.2 (prd.md:79), US-011 (prd.md:85), US-010 (prd.md:81) and 4 more
-- KEYS state target ...
-- ARGV (none)
-- Returns how many of the targets were there. For keys with an id of their own that are done with, such as the last
-- round's: unlinked, and no longer noted in the state.
-- Flags allow-oom
local function session_drop(keys, args)
  if #keys < 2 then return redis.error_reply('BADARG session_drop: KEYS state target...') end
  local there = 0
  for i = 2, #keys do
    there = there + redis.call('UNLINK', keys[i])
    local part = part_of(keys[1], keys[i])
    if part then redis.call('HDEL', keys[1], NOTE .. part) end
  end
  return there
end

return session_drop(KEYS, ARGV)

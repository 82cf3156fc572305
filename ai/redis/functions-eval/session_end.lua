local function clock()
  local t = redis.call('TIME')
  return string.format('%.0f', tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000))
end

-- The session's epoch and version, or nil where it is gone or ended.
local function position(state)
  local f = redis.call('HMGET', state, 'epoch', 'version', 'status')
  if not f[1] or f[3] == 'ended' then return nil end
  return f[1], tonumber(f[2])
end

local function broadcast(channel, message)
  if channel == '' then return end
  local name = string.match(channel, '^(%S+) sharded$')
  if name then redis.call('SPUBLISH', name, message) else redis.call('PUBLISH', channel, message) end
end

local function envelope(epoch, version, kind, op, data, now)
  return '{"e":"' .. epoch .. '","v":' .. string.format('%.0f', version) .. ',"ts":' .. now .. ',"t":' ..
    cjson.encode(kind) .. ',"op":' .. cjson.encode(op) .. ',"d":' .. (data == '' and 'null' or data) .. '}'
end

-- A key of the session with an id of its own ("answer:7") is noted as a field "key:answer:7" of the state by the write that
-- makes it, so that who ends the session can name it without SCAN. These fields are not the project's.
local NOTE = 'key:'

local function part_of(state, key)
  local home = string.match(state, '^(.*:)[^:]*$')
  local part = home and string.sub(key, 1, #home) == home and string.sub(key, #home + 1)
  return part and string.find(part, ':', 1, true) and part or nil
end

-- session_end
-- Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 27 more
-- KEYS state ...
-- ARGV channel
-- Returns 1, also when it has run before; or the parts ("answer:7") of further keys that the state notes and that are not
-- among KEYS: then nothing was done, and the caller runs it again with them. Publishes the terminal event, then unlinks
-- every key given. It must work when memory is full, which a function may only with allow-oom.
-- Flags allow-oom
local function session_end(keys, args)
  local epoch, version = position(keys[1])
  local given, missing = {}, {}
  for i = 2, #keys do given[part_of(keys[1], keys[i]) or ''] = true end
  local fields = redis.call('TYPE', keys[1]).ok == 'hash' and redis.call('HKEYS', keys[1]) or {}
  for i = 1, #fields do
    local part = string.sub(fields[i], 1, #NOTE) == NOTE and string.sub(fields[i], #NOTE + 1)
    if part and not given[part] then missing[#missing + 1] = part end
  end
  if #missing > 0 then return missing end
  if epoch then broadcast(args[1] or '', envelope(epoch, version + 1, 'end', '', '', clock())) end
  for i = 1, #keys do redis.call('UNLINK', keys[i]) end
  return 1
end

return session_end(KEYS, ARGV)

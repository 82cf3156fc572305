local function clock()
  local t = redis.call('TIME')
  return string.format('%.0f', tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000))
end

-- session_create
-- Serves US-007 (prd.md:66), US-011 (prd.md:85), US-023.1 (prd.md:135), US-029 (prd.md:155) and 16 more
-- KEYS state roster log ...
-- ARGV epoch ttl_s [field value]...
-- Returns 1 created, 0 exists. Leftovers under the other keys (their state was lost) are unlinked first.
local function session_create(keys, args)
  local ttl = tonumber(args[2])
  if not args[1] or not string.match(args[1], '^%x+$') or not ttl or ttl < 1 or #args % 2 == 1 then
    return redis.error_reply('BADARG session_create: epoch (hex) ttl_s [field value]...')
  end
  if redis.call('EXISTS', keys[1]) == 1 then return 0 end
  for i = 2, #keys do redis.call('UNLINK', keys[i]) end
  local now = clock()
  local fields = {'status', 'open'}
  for i = 3, #args do fields[#fields + 1] = args[i] end
  for _, f in ipairs({'epoch', args[1], 'version', '0', 'created_at', now, 'updated_at', now}) do
    fields[#fields + 1] = f
  end
  redis.call('HSET', keys[1], unpack(fields))
  redis.call('EXPIRE', keys[1], ttl)
  return 1
end

return session_create(KEYS, ARGV)

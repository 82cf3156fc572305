-- A shape moves against the version that the client knows, and nobody moves what another has selected.
local text = redis.call("HGET", keys.shapes, args.object)
local version, state, owner, ends, value = string.match(text or '', '^(%d+)|(%a+)|([^|]*)|(%d+)|(.*)$')
if not version then return 'unknown' end
ends = tonumber(ends)
if owner ~= '' and owner ~= args.member and (ends == 0 or now < ends) then return 'held' end
if tonumber(version) ~= args.expected then return 'outdated' end
local shape = cjson.decode(value)
if type(shape) ~= 'table' then return 'unknown' end
shape.x, shape.y = args.x, args.y

event.version = args.expected + 1
local record = digits(event.version) .. '|' .. state .. '|' .. owner .. '|' .. digits(ends) .. '|' .. cjson.encode(shape)
redis.call('HSET', keys.shapes, args.object, record)
redis.call('ZADD', keys.unsaved, 'NX', digits(now), args.object)

-- On top of everything: one place above the topmost.
if redis.call('HEXISTS', keys.shapes, args.object) == 0 then return 'unknown' end
local top = redis.call('ZREVRANGE', keys.order, 0, 0, 'WITHSCORES')
event.place = (tonumber(top[2]) or 0) + 1
redis.call('ZADD', keys.order, digits(event.place), args.object)
return 'ok'

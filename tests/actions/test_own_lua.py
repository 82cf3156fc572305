"""Own Lua that could harm the server or escape its keys is refused; what a step may do is not."""

import pytest

from redis_plan.actions import own_lua

SCOPE = own_lua.Scope(
    keys={"shapes": "hash", "order": "zset", "lock": "string"},
    arguments=frozenset({"member", "object", "count"}),
    results=frozenset({"held"}),
    bounds={"shapes": 400},
)
WRITE = "redis.call('HSET', keys.shapes, args.object, '1')\n"


@pytest.mark.parametrize(
    "text",
    [
        "for i = 1, 10, 0 do end",
        "for i = -1000000000, 10 do end",
        "for i = 1, args.count do end",
        "for x in math.random do end",
        "local t = {1}\nfor i, v in ipairs(t) do t[#t + 1] = v end",
        "local t = {1}\nfor i, v in ipairs(t) do table.insert(t, v) end",
        "repeat local x = 1 until false",
        "local x = string.rep('x', 1e9)",
        "local x = ('x'):rep(1e9)",
        "local call = redis.call",
        "redis['call']('FLUSHALL')",
        "redis.pcall('HGET', keys.shapes, 'x')",
        "redis.call('H' .. 'GET', keys.shapes, 'x')",
        "redis.call('HGET', keys['shapes'], 'x')",
        "redis.call('HGET', keys.shapes .. ':x', 'x')",
        "redis.call('HGET', KEYS[1], 'x')",
        "redis.call('UNLINK', keys.shapes, 'elsewhere')",
        "redis.call('SET', keys.lock, args.member)",
        "keys.shapes = 'elsewhere'",
        "args.member = 'bob'",
        "local b = 1\nargs.member, b = 'bob', 2",
        "local t = {}\nfor i = 1, 2 do args.member, t[(i)] = 'bob', 2 end",
        "local b = 1\nb, args.member = 2, 'bob'",
        "local a = 1\na, b = 2, 3",
        "local digits = nil",
        "end\nlocal function more()",
        "local function more() return more() end",
        "load('x')()",
        "getfenv()",
        "goto top",
        "return args.object",
        "return 'ok' .. args.object",
        WRITE + "return 'held'",
        WRITE + "redis.call('HINCRBY', keys.shapes, args.object, 1)",
        "for i = 1, 3 do redis.call('HINCRBY', keys.shapes, args.object, 1) end",
        "local x = [[never closed",
        "local x = 3 $ 4",
    ],
)
def test_it_is_refused(text: str) -> None:
    assert own_lua.faults(text, SCOPE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-- nothing but a comment --[[ of two kinds ]]",
        "redis.call('HINCRBY', keys.shapes, args.object, 1)",
        'if redis.call("hexists", keys.shapes, args.object) == 0 then return "held" end\n' + WRITE + "return 'ok'",
        "local all = redis.call('HGETALL', keys.shapes)\nfor i = 1, #all, 2 do local name = all[i] end",
        "for i = 10, 1, -1 do local x = i end",
        "local t, found = {a = 1, b = {2}}, {}\nfor k, v in pairs(t) do found[#found + 1] = v end",
        "for word in string.gmatch(args.object, '%a+') do local x = word end",
        "redis.call('SET', keys.lock, args.member, 'PX', 15000)",
        "local text = [==[ end while 'x' ]==]\n" + WRITE,
        "redis.call('ZADD', keys.order, digits(now), args.object)",
        "local t = {args.object, at = now}\nlocal a, b = args.object, 2\nlocal c = a\na, b = b, (a)",
    ],
)
def test_it_is_taken(text: str) -> None:
    assert own_lua.faults(text, SCOPE) == []


def test_it_is_embedded_with_commands_as_the_kernel_spells_them() -> None:
    text = 'local a = redis . call( "hget", keys.shapes, "x")\n'
    assert own_lua.embedded(text) == "local a = redis.call('HGET', keys.shapes, \"x\")"
    assert own_lua.called(text) == {"HGET"}
    assert own_lua.written(WRITE + "redis.call('ZREM', keys.order, 'x')") == ("shapes", "order")

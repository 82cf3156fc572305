"""Socket.IO 4 with its Redis adapters, as ways of the table of sync.py: what teams feed their gateways by today.

The server's function tells of a change in the adapter's own form, in the same step, where it else publishes the envelope:
no emitter costs less, and none of the adapters has that step. The server is one Node process (sync_socketio.mjs); what it
keeps of a room is nothing, so a client that comes back late has no catch-up (connection state recovery is not measured).

Sources: @socket.io/redis-adapter 8.3 (dist/index.js, sharded-adapter.js), @socket.io/redis-streams-adapter 0.3
(dist/adapter.js), socket.io-adapter 2.5 (MessageType.BROADCAST is 3).
"""

from __future__ import annotations

import shutil
from pathlib import Path

PACKAGES = Path(__file__).parents[1] / "delivery" / "typescript"
SCRIPT = Path(__file__).with_suffix(".mjs")
DIALECT = "socket.io"
#: Where the delivered functions publish, and what stands there instead, by adapter. A channel has its room in braces.
PUBLISHED = "    redis_call('PUBLISH', a.channel or a.publish_to, message)\n"
_ROOM = "    local room = string.match(a.channel or a.publish_to, '{(.-)}')\n"
_DATA = (
    '\'{"packet":{"type":2,"data":["e",\' .. message .. \'],"nsp":"/"},'
    '"opts":{"rooms":["\' .. room .. \'"],"except":[],"flags":{}}}\''
)
TOLD = {
    "classic": f"{_ROOM}    redis.call('PUBLISH', 'socket.io#/#' .. room .. '#', cmsgpack.pack({{'f', "
    "{type = 2, data = {'e', cjson.decode(message)}, nsp = '/'}, {rooms = {room}, except = {}, flags = {}}}))\n",
    "sharded": f"{_ROOM}    redis.call('SPUBLISH', 'socket.io#/#' .. room .. '#', "
    f'\'{{"uid":"f","nsp":"/","type":3,"data":\' .. {_DATA} .. \'}}\')\n',
    "streams": f"{_ROOM}    redis.call('XADD', 'socket.io', 'MAXLEN', '~', '10000', '*', "
    f"'uid', 'f', 'nsp', '/', 'type', '3', 'data', {_DATA})\n",
}
#: Ways by the names that the table gives them.
WAYS = {f"socket.io {adapter}": adapter for adapter in TOLD}


def installed() -> list[str]:
    """Return the ways that can be measured here: with Node and the packages of the delivery's tests."""
    there = shutil.which("node") and (PACKAGES / "node_modules" / "@socket.io" / "redis-streams-adapter").is_dir()
    return [*WAYS] if there else []


def retold(functions: str, way: str) -> str:
    """Return the delivered functions, which tell of a change as the adapter of ``way`` hears it."""
    if functions.count(PUBLISHED) != 1:
        raise ValueError("the functions publish in another way than is known here")
    return functions.replace(PUBLISHED, TOLD[WAYS[way]])


def command(way: str, port: int) -> list[str]:
    """Return what runs the server with the adapter of ``way``."""
    return ["env", f"NODE_PACKAGES={PACKAGES}", "node", str(SCRIPT), WAYS[way], str(port)]

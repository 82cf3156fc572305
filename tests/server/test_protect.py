"""Protection: on a server that is not ours nothing but our own keys can be touched."""

import pytest

from redis_plan import server
from redis_plan.errors import ServerError
from redis_plan.server.protect import Protection, ask_commands

PREFIX = "redis-plan:0:"
MINE, OTHER = PREFIX + "a", "precious"

REFUSED = [
    "SET precious 2", "DEL precious", "GET precious", "FLUSHALL", "FLUSHDB", "KEYS *", "CONFIG SET hz 1", "CONFIG REWRITE",
    "CONFIG RESETSTAT", "DEBUG SLEEP 0", "SHUTDOWN", "FUNCTION FLUSH", "FUNCTION LOAD x", "SCRIPT FLUSH", "SCRIPT KILL",
    "EVAL s 1 precious", "EVAL s 2 MINE precious", "FCALL f 1 precious", "RENAME MINE precious", "COPY MINE precious",
    "SCAN 0", "SCAN 0 MATCH *", "SCAN 0 COUNT 10", "PUBLISH theirs x", "SPUBLISH theirs x", "ACL SETUSER x", "ACL LOAD",
    "REPLICAOF NO ONE", "SLAVEOF NO ONE", "FAILOVER", "MSET MINE 1 precious 2", "XREAD STREAMS precious 0",
    "XREAD COUNT 2 STREAMS MINE precious 0 0", "XREADGROUP GROUP g c STREAMS precious >", "CLIENT KILL TYPE normal",
    "CLIENT PAUSE 1000", "SWAPDB 0 1", "SELECT 1", "MOVE MINE 1", "MIGRATE h 1 MINE 0 1", "SORT MINE STORE precious",
    "RANDOMKEY", "MONITOR", "SAVE", "BGSAVE", "BGREWRITEAOF", "MODULE LOAD x", "CLUSTER RESET", "LATENCY RESET",
    "SLOWLOG RESET", "ZUNIONSTORE MINE 2 MINE precious", "ZUNIONSTORE precious 1 MINE", "LMPOP 2 MINE precious LEFT",
    "BLPOP MINE precious 1", "SINTERSTORE MINE precious", "BITOP AND MINE precious", "PFMERGE MINE precious",
    "XGROUP CREATE precious g $", "XINFO STREAM precious", "OBJECT ENCODING precious", "MEMORY USAGE precious", "MEMORY PURGE",
    "RESTORE precious 0 x", "GEOSEARCHSTORE precious MINE FROMLONLAT 0 0 BYRADIUS 1 m", "UNLINK MINE precious",
]  # fmt: skip
PASSED = [
    "SET MINE 1", "GET MINE", "DEL MINE MINE", "MSET MINE 1 MINE 2", "EVAL s 1 MINE x", "FCALL f 1 MINE x", "EVAL s 0",
    "XADD MINE * f v", "XREAD COUNT 2 STREAMS MINE MINE 0 0", "XREADGROUP GROUP g c COUNT 1 STREAMS MINE >",
    "XGROUP CREATE MINE g $ MKSTREAM", "XINFO STREAM MINE", "LMPOP 2 MINE MINE LEFT", "BLPOP MINE MINE 1",
    "ZUNIONSTORE MINE 2 MINE MINE WEIGHTS 1 2", "SCAN 0 MATCH MINE* COUNT 10", "PUBLISH MINE x", "SUBSCRIBE MINE", "INFO memory",
    "CONFIG GET hz", "CLIENT LIST", "CLIENT SETNAME x", "OBJECT ENCODING MINE", "MEMORY USAGE MINE SAMPLES 0", "MEMORY STATS",
    "LATENCY HISTOGRAM", "SLOWLOG GET 10", "PING", "DBSIZE", "TIME", "WAIT 0 0", "COMMAND INFO get", "MULTI", "EXEC", "ROLE",
    "RESTORE MINE 0 x", "GEOSEARCHSTORE MINE MINE FROMLONLAT 0 0 BYRADIUS 1 m", "EXPIRE MINE 10 NX", "WATCH MINE MINE",
    "LMOVE MINE MINE LEFT RIGHT", "PUBSUB NUMSUB MINE", "SCRIPT LOAD s", "BITOP AND MINE MINE MINE", "PFCOUNT MINE MINE",
]  # fmt: skip


def words(text: str) -> list[str]:
    return [word.replace("MINE", MINE) for word in text.split()]


@pytest.fixture(scope="module")
def protections(server_binaries):
    """Protection as each build informs it, and without being informed (COMMAND denied)."""
    made = {"uninformed": Protection(PREFIX)}
    for binary in server_binaries:
        live = server.start_with(binary)
        made[binary.id] = Protection(PREFIX, ask_commands(live.client()))
        made[f"{binary.id} RESP2"] = Protection(PREFIX, ask_commands(live.client(protocol=2)))
        live.close()
    return made


@pytest.mark.parametrize("text", REFUSED)
def test_what_could_touch_others_is_refused(protections, text):
    for protection in protections.values():
        with pytest.raises(ServerError):
            protection.check(words(text))


def test_what_was_passed_or_refused_before_changes_nothing(protections):
    for protection in protections.values():
        for text in (*PASSED, *PASSED):
            protection.check(words(text))
        for text in (*REFUSED, *(f"{text} ASYNC" for text in REFUSED), *REFUSED):
            with pytest.raises(ServerError):
                protection.check(words(text))


def test_keys_may_be_bytes(protections):
    for protection in protections.values():
        protection.check(("GET", MINE.encode()))
        protection.check((b"GET", memoryview(MINE.encode())))
        for key in (OTHER.encode(), 5, bytearray(b"x")):
            with pytest.raises(ServerError):
                protection.check(("GET", key))


@pytest.mark.parametrize("text", PASSED)
def test_what_an_experiment_needs_is_passed(protections, text):
    for protection in protections.values():
        protection.check(words(text))


def test_every_key_that_the_server_finds_in_a_command_is_found(own_server):
    """COMMAND GETKEYS is the independent route."""
    client = own_server.client()
    commands = ask_commands(client)
    for text in PASSED:
        given = words(text)
        try:
            theirs = client.execute_command("COMMAND", "GETKEYS", *given)
        except Exception:  # keyless, or unknown to this build
            continue
        about = commands[given[0].lower()]
        about = about.subcommands.get("|".join(given[:2]).lower(), about)
        mine = [key for rule in about.rules for key in rule.keys(given)]
        assert sorted(mine) == sorted(key.decode() for key in theirs), text


def test_every_way_to_send_a_command_is_protected():
    with server.open_own({"port": "auto"}) as theirs, server.open(theirs.url) as live:
        client = live.client()
        for send in (client.execute_command, client.pipeline().execute_command, client.client().execute_command):
            with pytest.raises(ServerError):
                send("SET", OTHER, "1")
        with pytest.raises(ServerError):
            client.pipeline().watch(OTHER)
        with pytest.raises(ServerError):
            client.register_script("return 1")(keys=[OTHER])
        with pytest.raises(ServerError):
            client.lock(OTHER, timeout=1).acquire(blocking=False)
        with pytest.raises(ServerError):
            client.transaction(lambda pipe: pipe.set(OTHER, "1"))
        with pytest.raises(ServerError):
            client.monitor()
        with pytest.raises(ServerError, match=r"must come from Server\.client"):
            type(client)(connection_pool=client.connection_pool).get(live.prefix)
        with client.lock(live.prefix + "lock", timeout=1):
            assert theirs.client().dbsize() == 1
        assert theirs.client().get(OTHER) is None

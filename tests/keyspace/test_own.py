"""The team's own keys and settings: read where documents declare them, then adopted or contradicted one by one."""

from pathlib import Path

import pytest

from redis_plan import brief
from redis_plan.chapters.naming.registry_tables import own_design
from redis_plan.keyspace import design
from redis_plan.keyspace.model import Keyspace, OwnVerdict

PRD = """# Harbour Quiz

## Features
- Players join a room with a code and see who else is in it.
- The host starts the next question and everyone sees it at the same moment.
- Each player submits one answer, hidden until the reveal.
- A leaderboard of the room is updated live after each question.
- A request that is sent twice is carried out once.
- Rooms without activity for 2 hours are removed.
"""
TABLE = """
## Keys in Redis

| Key pattern | Type | TTL |
|---|---|---|
| `room:{roomId}:state` | String (JSON) | 24h |
| `room:{roomId}:players` | Hash | 2h |
| `leaderboard:<roomId>` | Sorted set | none |
| `idem:{opId}` | String | 10m |
| `sess:{token}` | String | 7 days |
| `zork:{x}` | Hash | 1h |
"""


def made(folder: Path, prd: str = PRD, stack: str = "- Redis 7.0\n- Socket.IO\n") -> Path:
    (folder / "ai").mkdir()
    (folder / "ai" / "prd.md").write_text(prd, encoding="utf-8")
    (folder / "ai" / "tech-stack.md").write_text(f"# Stack\n\n{stack}", encoding="utf-8")
    return folder


def verdicts(keyspace: Keyspace) -> dict[str, OwnVerdict]:
    return {one.pattern: one for one in keyspace.own}


def test_a_table_of_keys_is_adopted_or_contradicted_key_by_key(tmp_path: Path) -> None:
    read = brief.read(made(tmp_path, PRD + TABLE))
    assert [(k.pattern, k.type, k.line) for k in read.own_keys][:2] == [
        ("room:{roomId}:state", "string", 15),
        ("room:{roomId}:players", "hash", 16),
    ]
    keyspace = design(read)
    found = verdicts(keyspace)
    assert {p: v.verdict for p, v in found.items()} == {
        "room:{roomId}:state": "contradicted",
        "room:{roomId}:players": "adopted",
        "leaderboard:<roomId>": "contradicted",
        "idem:{opId}": "contradicted",
        "sess:{token}": "adopted",
        "zork:{x}": "open",
    }
    assert "hash instead of string" in found["room:{roomId}:state"].reason
    assert "without a TTL" in found["leaderboard:<roomId>"].reason
    assert found["room:{roomId}:players"].ours.endswith("{<session_id>}:roster")
    table = own_design(keyspace)
    assert all(f"`{pattern}`" in table for pattern in found)
    assert "prd.md:15" in table


def test_a_stated_ttl_of_a_key_that_ends_by_itself_beats_the_catalog(tmp_path: Path) -> None:
    keyspace = design(brief.read(made(tmp_path, PRD + TABLE)))
    assert keyspace.pattern("idem").ttl.seconds == 750  # an answer is remembered for four fifths of it: 600 s
    assert "prd.md:18" in keyspace.pattern("idem").ttl.because
    assert next(p for p in keyspace.keys if p.use == "token").ttl.seconds == 7 * 86400


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("- Redis: `cart:{userId}` (Hash, expires after 30 minutes)\n", [("cart:{userId}", "hash", 1800.0)]),
        ("```\nSET lock:job:{id} <token> NX EX 30\nZADD ranking:<week> 10 anna\n```\n",
         [("lock:job:{id}", "string", 30.0), ("ranking:<week>", "zset", None)]),
        ("## Redis-Schlüssel\n\n| Schlüssel | Typ | Ablauf |\n|---|---|---|\n| `tisch:{id}:spieler` | Menge | 1 h |\n",
         [("tisch:{id}:spieler", "set", 3600.0)]),
        ("## Redis\n\n| 键 | 类型 | 过期时间 |\n|---|---|---|\n| `room:{id}:rank` | 有序集合 | 2 小时 |\n",
         [("room:{id}:rank", "zset", 7200.0)]),
        ("The socket joins the room `party:{id}` of Socket.IO.\n\nImage `redis:7-alpine`, host cache:6379, at 12:30.\n", []),
        ("Events: `room:join`, `room:leave` are emitted to clients.\n", []),
        ("## Redis\n\n- **State:** Redis holds what all share.\n- **TTL:** `seat:{id}`\n", [("seat:{id}", "", None)]),
        ("Routes are /rooms/:id and https://example.org/a:{b}.\n", []),
        ("- never use KEYS session:* in production\n", []),
    ],
)  # fmt: skip
def test_keys_are_told_from_rooms_events_images_and_routes(tmp_path: Path, text: str, keys: list[object]) -> None:
    read = brief.read(made(tmp_path, f"{PRD}\n{text}"))
    assert [(k.pattern, k.type, k.ttl_s) for k in read.own_keys] == keys


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("- Redis with `maxmemory-policy allkeys-lru`", "live session"),
        ("- DB 1: Pub/Sub, DB 2: cache", "cluster has only 0"),
        ("- HEXPIRE on the fields of the roster", "needs Redis 7.4"),
        ("- rooms are listed by KEYS room:*", "blocks the server"),
        ("- timers by keyspace notifications", "when the server deletes the key"),
        ("- Redlock for the scheduler", "fencing"),
        ("- SETNX and then EXPIRE for the lock", "two steps"),
        ("- Pub/Sub guarantees that no event is lost", "at most once"),
    ],
)
def test_a_setting_that_can_not_do_what_it_is_for_is_contradicted_with_its_line(
    tmp_path: Path, line: str, says: str
) -> None:
    keyspace = design(brief.read(made(tmp_path, stack=f"- Redis 7.0\n{line}\n")))
    assert [one.verdict for one in keyspace.own] == ["contradicted"]
    assert says in keyspace.own[0].reason
    assert (keyspace.own[0].file, keyspace.own[0].line) == ("tech-stack.md", 4)


@pytest.mark.parametrize(
    "stack",
    ["- Redis 7.4\n- HEXPIRE on the fields of the roster\n", "- Redis 7.0\n- never use KEYS room:*\n", "- Valkey 9.0\n- HSETEX for grants\n",
     "- Redis 7.0 with noeviction, not allkeys-lru\n", "- PostgreSQL, database 1 (users)\n- Redis 7.0\n"],
)  # fmt: skip
def test_what_the_server_can_do_or_the_team_rejects_is_no_fault(tmp_path: Path, stack: str) -> None:
    assert not design(brief.read(made(tmp_path, stack=stack))).own


def test_what_evicts_is_no_fault_beside_a_cache_alone(tmp_path: Path) -> None:
    prd = "# Rates\n\n## Features\n\n- Exchange rates of the external API are cached for an hour.\n- Users export a report.\n"
    assert not design(brief.read(made(tmp_path, prd, "- Redis 7.0\n- maxmemory-policy allkeys-lru\n"))).own


def test_an_adopted_key_is_held_as_the_team_holds_it_and_a_refused_one_is_not_followed(tmp_path: Path) -> None:
    keys = TABLE + "| `seen:{requestId}` | Set | 1h |\n| `chat:{roomId}` | Stream | 6h |\n"
    folder = made(tmp_path, PRD.replace("Rooms without", "Players chat in the room.\n- Rooms without") + keys)
    before = design(brief.read(folder))
    toml = '[keys]\nadopt = ["chat:{roomId}", "room:{roomId}:state"]\nrefuse = [{ key = "sess:{token}", because = "our identity provider does it" }]\n'
    (folder / "ai" / "redis-plan.toml").write_text(toml, encoding="utf-8")
    after = design(brief.read(folder))
    chats = [next(p for p in one.patterns if p.use == "chat") for one in (before, after)]
    assert [p.type for p in chats] == ["list", "stream"]
    found = verdicts(after)
    assert found["chat:{roomId}"].verdict == "adopted"
    # the functions that change a session write its state as a hash, whatever is adopted: that is said
    assert "here a hash" in found["room:{roomId}:state"].reason
    assert (found["sess:{token}"].verdict, "identity provider" in found["sess:{token}"].reason) == (
        "contradicted",
        True,
    )
    assert "token" not in {p.use for p in after.patterns}

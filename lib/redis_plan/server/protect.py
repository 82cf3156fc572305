"""Protection of a server that is not ours: every command is looked at before it is sent.

Which words are keys is asked of the server itself (the key specifications of COMMAND, Redis 7.0); what may be sent
without a key stands in the catalog's ``server.toml``. What is not known to be harmless is refused.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

import redis

from redis_plan import resources
from redis_plan.errors import ServerError


@dataclass(frozen=True, slots=True)
class KeyRule:
    """One key specification of COMMAND: where keys begin, and how they go on from there."""

    index: int  # of the first key, or 0 where ``keyword`` says it
    keyword: str
    count_at: int | None  # offset of the word that holds the number of keys; None: a range of words
    last: int  # of a range, counted from its begin; negative from the end of the command
    step: int
    limit: int  # of a range that reaches the end: 2 means that the first half are keys

    def keys(self, words: Sequence[Any]) -> Sequence[Any]:
        """Return the keys among ``words``, a whole command."""
        begin = self.index
        if self.keyword:
            begin = next((n for n, word in enumerate(words, 1) if _text(word).upper() == self.keyword), 0)
        if not 0 < begin < len(words):
            return ()
        if self.count_at is not None:
            said = _text(words[begin + self.count_at])
            first = begin + self.last
            return words[first : first + int(said) * self.step : self.step] if said.isdigit() else ()
        end = begin + self.last if self.last >= 0 else len(words) + self.last
        if self.last < 0 and self.limit > 1:
            end = begin + (end - begin + 1) // self.limit - 1
        return words[begin : end + 1 : self.step]


@dataclass(frozen=True, slots=True)
class Command:
    """What the server says about one of its commands."""

    categories: frozenset[str] = frozenset()
    rules: tuple[KeyRule, ...] = ()
    subcommands: Mapping[str, Command] = field(default_factory=dict)


#: Where the keys are when the server denies COMMAND: the first word, but for these. (index, count_at, last, step)
_EVERY = (KeyRule(1, "", None, -1, 1, 0),)
_COUNTED_FIRST = (KeyRule(1, "", 0, 1, 1, 0),)
_COUNTED_SECOND = (KeyRule(2, "", 0, 1, 1, 0),)
_FIRST_TWO = (KeyRule(1, "", None, 1, 1, 0),)
_STORED = (KeyRule(1, "", None, 0, 1, 0), *_COUNTED_SECOND)
_FIRST = (KeyRule(1, "", None, 0, 1, 0),)
_SECOND = (KeyRule(2, "", None, 0, 1, 0),)
_UNASKED: Mapping[str, tuple[KeyRule, ...]] = {
    **dict.fromkeys(["del", "unlink", "exists", "touch", "mget", "watch", "sinter", "sunion", "sdiff", "pfcount", "pfmerge"], _EVERY),
    **dict.fromkeys(["sinterstore", "sunionstore", "sdiffstore"], _EVERY),
    **dict.fromkeys(["blpop", "brpop", "bzpopmin", "bzpopmax"], (KeyRule(1, "", None, -2, 1, 0),)),
    **dict.fromkeys(["eval", "evalsha", "eval_ro", "evalsha_ro", "fcall", "fcall_ro", "blmpop", "bzmpop"], _COUNTED_SECOND),
    **dict.fromkeys(["lmpop", "zmpop", "sintercard", "zinter", "zunion", "zdiff", "zintercard"], _COUNTED_FIRST),
    **dict.fromkeys(["rename", "renamenx", "copy", "lmove", "blmove", "smove", "rpoplpush", "zrangestore", "geosearchstore", "lcs"], _FIRST_TWO),
    **dict.fromkeys(["zunionstore", "zinterstore", "zdiffstore"], _STORED),
    **dict.fromkeys(["mset", "msetnx"], (KeyRule(1, "", None, -1, 2, 0),)),
    **dict.fromkeys(["xread", "xreadgroup"], (KeyRule(0, "STREAMS", None, -1, 1, 2),)),
    **dict.fromkeys(["object", "xinfo", "xgroup"], _SECOND),
    **dict.fromkeys(["bitop"], (KeyRule(2, "", None, -1, 1, 0),)),
}  # fmt: skip
_HAVE_SUBCOMMANDS = frozenset(
    [
        "acl",
        "client",
        "cluster",
        "command",
        "commandlog",
        "config",
        "function",
        "latency",
        "memory",
        "module",
        "object",
        "pubsub",
        "script",
        "slowlog",
        "xgroup",
        "xinfo",
    ]
)


class Protection:
    """The rules for one server: our prefix there, and its commands (None where COMMAND is denied)."""

    def __init__(self, prefix: str, commands: Mapping[str, Command] | None = None) -> None:
        self.prefix = prefix
        self.commands = commands
        self._raw_prefix = prefix.encode()
        self._plain: dict[Any, tuple[KeyRule, ...]] = {}  # commands seen before of which only the keys matter

    def check(self, given: Sequence[Any]) -> None:
        """Raise :class:`ServerError` unless the command stays under our prefix and changes nothing else.

        A command that was seen before costs 1 to 2 µs: only its keys are looked at.
        """
        rules = self._plain.get(given[0])
        if rules is None:
            words = [*_text(given[0]).split(), *given[1:]]
            rules, is_plain = self._rules_of(words)
            if is_plain and self.commands is not None and len(words) == len(given):
                self._plain[given[0]] = rules
        else:
            words = given  # type: ignore[assignment]
        for rule in rules:
            for key in rule.keys(words):
                if not self._is_ours(key):
                    raise ServerError(
                        f"{_text(words[0]).upper()} {_text(key)[:60]!r}: on a server that we did not start we touch only "
                        f"keys under {self.prefix}"
                    )

    def _rules_of(self, words: Sequence[Any]) -> tuple[tuple[KeyRule, ...], bool]:
        """Return where the keys of a command are, and whether that holds for every use of its first word."""
        name, sub = words[0].lower(), _text(words[1]).lower() if len(words) > 1 else ""
        full = f"{name}|{sub}" if name in _HAVE_SUBCOMMANDS and sub else name
        catalog = _catalog()
        if name == "scan":
            self._check_scan([_text(word) for word in words])
            return (), False
        if name in catalog["channels"]:
            return _FIRST, True
        command = self._about(name, sub)
        categories = command.categories if command else frozenset()
        rules = command.rules if command else self._unasked(name, full, len(words))
        # RESTORE is called dangerous, but what it does to a key of ours is our business
        harmful = "@admin" in categories or ("@dangerous" in categories and not rules)
        if name in catalog["refused"] or (full not in catalog["allowed"] and (harmful or not rules)):
            spoken = full.replace("|", " ").upper()
            raise ServerError(f"{spoken} is never sent to a server that we did not start")
        return rules, full == name and name not in _HAVE_SUBCOMMANDS and bool(rules)

    def _is_ours(self, key: Any) -> bool:
        if isinstance(key, str):
            return key.startswith(self.prefix)
        return bytes(key).startswith(self._raw_prefix) if isinstance(key, bytes | bytearray | memoryview) else False

    def _about(self, name: str, sub: str) -> Command | None:
        if self.commands is None:
            return None
        known = self.commands.get(name)
        if known is None:  # the server will say that it is unknown; were it renamed, its keys stand first
            return Command(rules=_FIRST)
        return known.subcommands.get(f"{name}|{sub}", known) if known.subcommands else known

    @staticmethod
    def _unasked(name: str, full: str, words_count: int) -> tuple[KeyRule, ...]:
        if full == "memory|usage":
            return _SECOND
        if name in _UNASKED:
            return _UNASKED[name]
        return () if words_count == 1 or full in _catalog()["allowed"] or name in _HAVE_SUBCOMMANDS else _FIRST

    def _check_scan(self, words: list[str]) -> None:
        for option, value in pairwise(words[2:]):
            if option.upper() == "MATCH" and value.startswith(self.prefix):
                return
        raise ServerError(f"SCAN on a server that we did not start needs MATCH {self.prefix}*")


def ask_commands(client: redis.Redis) -> Mapping[str, Command] | None:
    """Return what the server says about its commands, or None where it does not tell."""
    client.set_response_callback("COMMAND", lambda answer, **_: answer)
    try:
        answer: Any = client.execute_command("COMMAND")
    except redis.ResponseError:
        return None
    return dict(_command(entry) for entry in answer)


def _command(entry: Sequence[Any]) -> tuple[str, Command]:
    categories = frozenset(_text(c) for c in entry[6]) if len(entry) > 6 else frozenset()
    rules = tuple(rule for spec in (entry[8] if len(entry) > 8 else ()) if (rule := _rule(_as_map(spec))))
    subcommands = dict(_command(sub) for sub in (entry[9] if len(entry) > 9 else ()))
    return _text(entry[0]).lower(), Command(categories, rules, subcommands)


def _rule(spec: Mapping[str, Any]) -> KeyRule | None:
    begin, find = _as_map(spec["begin_search"]), _as_map(spec["find_keys"])
    start, how = _as_map(begin["spec"]), _as_map(find["spec"])
    index, keyword = int(start.get("index", 0)), _text(start.get("keyword", "")).upper()
    kind = _text(find["type"])
    if kind == "range":
        return KeyRule(index, keyword, None, int(how["lastkey"]), int(how["keystep"]), int(how["limit"]))
    if kind == "keynum":
        return KeyRule(index, keyword, int(how["keynumidx"]), int(how["firstkey"]), int(how["keystep"]), 0)
    return None


def _as_map(value: Any) -> Mapping[str, Any]:
    """Return a map of RESP3, or the flat list that RESP2 sends in its place."""
    pairs = value.items() if isinstance(value, dict) else zip(value[::2], value[1::2], strict=True)
    return {_text(key): content for key, content in pairs}


@cache
def _catalog() -> Mapping[str, frozenset[str]]:
    table = tomllib.loads((resources.catalog_dir() / "server.toml").read_text("utf-8"))
    return {name: frozenset(words) for name, words in table["protection"].items()}


def _text(word: Any) -> str:
    return bytes(word).decode("utf-8", "replace") if isinstance(word, bytes | bytearray | memoryview) else str(word)


class ProtectedPipeline(redis.client.Pipeline):
    """A pipeline whose every command is checked when it is queued."""

    protection: Protection | None = None

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Check the command, then queue or run it."""
        _require(self.protection).check(args)
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py has no types here


class ProtectedRedis(redis.Redis):
    """A client whose every command is checked; ``protection`` is set by the server that makes it."""

    protection: Protection | None = None

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Check the command, then run it."""
        _require(self.protection).check(args)
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # redis-py has no types here

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> ProtectedPipeline:
        """Return a pipeline that is checked in the same way."""
        pipe = ProtectedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        pipe.protection = self.protection
        return pipe

    def client(self) -> Any:
        """Return a client of one connection that is checked in the same way."""
        single: Any = super().client()  # type: ignore[no-untyped-call]
        single.protection = self.protection
        return single

    def monitor(self) -> Any:
        """Refuse: MONITOR shows everybody's data and halves the server's throughput (Redis documentation, MONITOR)."""
        raise ServerError("MONITOR is never sent to a server that we did not start")


def _require(protection: Protection | None) -> Protection:
    if protection is None:  # fail closed: a client made behind our back
        raise ServerError("a client of a server that we did not start must come from Server.client()")
    return protection

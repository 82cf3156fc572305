"""Functions: the atomic steps of a session, as a Functions library or as scripts for EVAL, from one Lua file.

::

    library = functions.install(client, use_functions=s.ours and "functions" in s.capabilities)
    version, result = library.call(client, "session_join", keys, ["ann#1", "{}", 8, 60_000, 7200, "test:events", "100"])

On a server that is not ours nothing is loaded into the function registry: ``EVALSHA`` runs the same text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any, Literal

import redis

from redis_plan.keyspace import calls, naming
from redis_plan.keyspace.calls import Call
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.resources import catalog_dir

Form = Literal["function", "eval"]
Argument = str | bytes | int | float

#: The types that the functions expect of the keyspace's patterns.
TYPES: Mapping[str, tuple[str, ...]] = {
    "state": ("hash",),
    "roster": ("hash",),
    "presence": ("zset",),
    "log": ("list", "stream"),
    "idem": ("hash",),
}


@dataclass(frozen=True, eq=False)
class Function:
    """One function: its definition, and the Lua text of its body."""

    call: Call
    body: str
    lua: str = ""  # what its body is called in Lua, where that is not the function's name
    own: frozenset[str] = frozenset()  # commands that it may run whatever the form of log and channel
    asks: str = ""  # fields of the state that it is given beside epoch, version and status, as Lua expressions
    after: str = ""  # its body without what reads in any case before the first write, where something does

    @property
    def name(self) -> str:
        """What it is called; FCALL calls it so in a library of ours, and by ``Keyspace.fcall_name`` in a project's."""
        return self.call.name

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of key patterns, in the order of KEYS."""
        return tuple(name for name, _ in self.call.keys)

    @property
    def more_keys(self) -> bool:
        """Whether further keys of the session may follow."""
        return self.call.more

    @property
    def args(self) -> str:
        """ARGV in one line."""
        return self.call.argv

    @property
    def returns(self) -> str:
        """What it does and answers."""
        return self.call.returns

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags it is registered with."""
        return self.call.flags

    @cached_property
    def commands(self) -> frozenset[str]:
        """Every command that it may run whatever the form of the log, in capitals; those of an element left out."""
        return self.runs("list") | self.runs("stream")

    def runs(self, log: str) -> frozenset[str]:
        """Return the commands that its text, and what it calls of the kernel, run where the log is a list or a stream."""
        return called(f"{prune(kernel(log), self._text((), {}))}\n{self.body}")

    @cached_property
    def source(self) -> str:
        """Its documentation, its body and its definition, in Lua."""
        every = {log: self.runs(log) - (_PUBLISHES - self.own) for log in LOGS}
        forms = {log: every[log] - self._refused_in_time(log) for log in LOGS}
        always = frozenset.intersection(*forms.values())
        by_form = {log: runs - always for log, runs in forms.items()}
        reads = frozenset.intersection(*every.values()) - always
        return f"-- {self.name}\n{calls.lua_comment(self.call)}\n{_loaded(self._text(always, by_form, reads))}"

    def _refused_in_time(self, log: str) -> frozenset[str]:
        """Return the commands that need no check: Redis itself refuses them before anything is written."""
        if not self.call.of_session:
            return frozenset()
        body = self.after or self.body
        late = f"{prune(_written_after(log), self._text((), {}, body=body))}\n{body}"
        first = _APPENDS if "log" in self.call.shows else frozenset()
        return (self.runs(log) - called(late)) | first

    def _text(
        self, runs: Iterable[str], by_form: Mapping[str, Iterable[str]], reads: Iterable[str] = (), body: str = ""
    ) -> str:
        inside = self.lua or self.name
        table = calls.lua_table(self.call, runs, by_form, inside, self.asks, reads)
        runner = "run_session" if self.call.of_session else "run"
        call = f"(keys, args)\n  return {runner}({inside.upper()}, {inside}, keys, args)\nend"
        return f"do\n{body or self.body}\n\n{table}\n{self.entry} = function{call}\nend"

    @property
    def entry(self) -> str:
        """What FCALL and EVAL reach, in Lua: everything is checked, then the body runs."""
        return f"CALLS['{self.name}']"

    @cached_property
    def script(self) -> str:
        """The EVAL form: what it needs of the kernel, the function, and a call with KEYS and ARGV."""
        return script(self, self.source)

    @cached_property
    def sha(self) -> str:
        """What EVALSHA calls the EVAL form."""
        return hashlib.sha1(self.script.encode(), usedforsecurity=False).hexdigest()


#: The forms of a log; kernel.lua names what belongs to one of them by it.
LOGS = ("list", "stream")
#: What a session's function runs of the kernel before its first write, and what asks for its rights itself: local names.
_BEFORE = frozenset({"foreign", "session_of", "clock_text", "remembered", "let_go", "looked", "going_on"})
#: What writes the log: where that comes first, nothing has been written when it is refused.
_APPENDS = frozenset({"RPUSH", "XADD"})
#: The right to publish is checked with the channel at hand.
_PUBLISHES = frozenset({"PUBLISH", "SPUBLISH"})
_BLOCK = r"\n\n(?=--|local |function )"
_CALLED = re.compile(r"redis\.p?call\('([A-Z]+)'")
_MOST_CALLED = re.compile(r"\b(redis|cjson)\.(p?call|encode)\(")
_ELEMENT = re.compile(r"^  (\w+) = \{kind = '\w+'(.*)\}", re.MULTILINE)


@cache
def beside() -> Mapping[str, tuple[str, ...]]:
    """Return what ``session_record`` runs beside each command that changes an element, as kernel.lua says."""
    return {command: tuple(re.findall(r"'([A-Z]+)'", rest)) for command, rest in _ELEMENT.findall(kernel())}


@dataclass(frozen=True, slots=True)
class Library:
    """The functions on one server, in the form that this server may have them."""

    form: Form

    def call(self, client: redis.Redis, name: str, keys: Sequence[Argument], args: Iterable[Argument]) -> Any:
        """Run the function ``name``; see :func:`call`."""
        return call(client, name, keys, args, form=self.form)


def _read(file: str) -> str:
    return (catalog_dir() / "functions" / file).read_text("utf-8")


@cache
def kernel(log: str = "") -> str:
    """Return the Lua text that every function stands on, and the guards and effects that actions are made of.

    With ``log`` without what belongs to its other form.
    """
    others = tuple(f"local function {form}_" for form in LOGS if log and form != log)
    blocks = re.split(_BLOCK, f"{_after_head('kernel.lua')}\n\n{words()}")
    return "\n\n".join(b for b in blocks if not others or not re.search(rf"^(?:{'|'.join(others)})", b, re.MULTILINE))


@cache
def _written_after(log: str) -> str:
    """Return :func:`kernel` without what has run, or has asked for its rights, when a function begins to write."""
    text = kernel(log)
    return "\n\n".join(block.text for block in _blocks(text) if not block.names & _BEFORE)


@cache
def words() -> str:
    """Return the Lua text of every guard and effect."""
    return f"{_after_head('guards.lua')}\n\n{_after_head('effects.lua')}"


def _after_head(file: str) -> str:
    return _read(file).partition("\n\n")[2].strip()


def called(text: str) -> frozenset[str]:
    """Return the Redis commands that a Lua text calls, in capitals."""
    return frozenset(_CALLED.findall(text))


@cache
def in_file(file: str) -> Mapping[str, Function]:
    """Return the functions of a file of the catalog's ``functions/`` by name, in its order."""
    texts = re.split(r"^-- FUNCTION (?=\w+$)", _read(file), flags=re.MULTILINE)[1:]
    found = {name: body.strip() for name, _, body in (text.partition("\n") for text in texts)}
    return {name: Function(calls.calls()[name], body) for name, body in found.items()}


def rules() -> str:
    """Return the comment that says what the session's functions share."""
    return _read("session.lua").split("-- Rules they share\n", 1)[1].split("\n-- FUNCTION", 1)[0].strip()


def functions() -> Mapping[str, Function]:
    """Return the functions of a session by name, in the order of the file."""
    return in_file("session.lua")


@cache
def source() -> str:
    """Return the text of the session's library as it is loaded with FUNCTION LOAD."""
    return library("redis_plan", functions().values())


def library(name: str, needed: Iterable[Function]) -> str:
    """Return a library of these functions as FUNCTION LOAD takes it."""
    made = list(needed)
    texts = [f.source for f in made]
    register = "\n".join(registration(f) for f in made)
    return "\n\n".join([f"#!lua name={name}", shared("\n".join(texts)), *texts, register]) + "\n"


def script(function: Function, text: str) -> str:
    """Return the EVAL form of ``function``, whose text may have been given further comments.

    A script with flags says them in its first line, which Redis knows since 7.0.
    """
    first = f"#!lua flags={','.join(function.flags)}\n" if function.flags else ""
    return f"{first}{shared(text)}\n\n{text}\n\nreturn {function.entry}(KEYS, ARGV)\n"


def shared(text: str) -> str:
    """Return what functions of this text need of the kernel, as a server loads it."""
    return _loaded(prune(kernel(), text))


def _loaded(text: str) -> str:
    """Return a Lua text in which what it calls most stands under the local names of kernel.lua."""
    return _MOST_CALLED.sub(r"\1_\2(", text)


def prune(head: str, body: str) -> str:
    """Return the blocks of ``head`` whose local name ``body``, or a block that is kept, mentions."""
    blocks = _blocks(head)
    wanted, kept = _words(body), [False] * len(blocks)
    while True:
        new = [i for i, block in enumerate(blocks) if not kept[i] and wanted & block.names]
        if not new:
            return "\n\n".join(block.text for block, keep in zip(blocks, kept, strict=True) if keep)
        for i in new:
            kept[i] = True
            wanted |= blocks[i].words


@dataclass(frozen=True, slots=True)
class _Block:
    """One definition of a Lua text: the names that it makes, local or in GUARD, and every word in it."""

    text: str
    names: frozenset[str]
    words: frozenset[str]


@lru_cache(maxsize=8)
def _blocks(head: str) -> tuple[_Block, ...]:
    """Return the definitions of a text; kept, since every function is pruned against the same few."""
    made = []
    for text in re.split(_BLOCK, head):
        local = re.findall(r"^(?:local (?:function )?|function (?=GUARD))([\w., ]+?)(?:\(| = )", text, re.MULTILINE)
        made.append(
            _Block(text, frozenset(name for names in local for name in names.split(", ")), frozenset(_words(text)))
        )
    return tuple(made)


def _words(text: str) -> set[str]:
    text = re.sub(r"--.*", "", text)
    return {*re.findall(r"\w+", text), *re.findall(r"\bGUARD\.\w+", text)}


def registration(function: Function, name: str = "") -> str:
    """Return the line that registers ``function`` with its flags, for FCALL to call it ``name``."""
    name = name or function.name
    if not function.flags:
        return f"redis.register_function('{name}', {function.entry})"
    flags = ", ".join(f"'{flag}'" for flag in function.flags)
    return f"redis.register_function{{function_name='{name}', callback={function.entry}, flags={{{flags}}}}}"


def install(client: redis.Redis, *, use_functions: bool) -> Library:
    """Make the functions callable through ``client``'s server.

    ``use_functions`` only where the server has functions and is ours (``s.ours and "functions" in s.capabilities``):
    FUNCTION LOAD changes the server for everyone. Otherwise nothing is done and each call uses EVALSHA.
    """
    if not use_functions:
        return Library("eval")
    client.function_load(source(), replace=True)
    return Library("function")


def call(
    client: redis.Redis, name: str, keys: Sequence[Argument], args: Iterable[Argument], *, form: Form = "eval"
) -> Any:  # Any: each function documents its reply
    """Run a function and return its reply; works on every server with ``form="eval"``.

    EVALSHA falls back to EVAL on NOSCRIPT (restart, failover, SCRIPT FLUSH), which also loads the script again.
    Raises what redis-py raises: ``ResponseError`` with BADARG, BADDATA, WRONGTYPE or OOM, nothing being written then.
    """
    return run(client, functions()[name], keys, args, form)


def run(
    client: redis.Redis, function: Function, keys: Sequence[Argument], args: Iterable[Argument], form: Form
) -> Any:  # Any: each definition says its reply
    """Run a function of any file; see :func:`call`. Text in the reply is str, named results so too."""
    given = list(args)
    if form == "function":
        return _named(client.fcall(function.name, len(keys), *keys, *given))
    try:
        return _named(client.evalsha(function.sha, len(keys), *keys, *given))
    except redis.exceptions.NoScriptError:
        return _named(client.eval(function.script, len(keys), *keys, *given))


def _named(reply: Any) -> Any:  # Any: what redis-py returns
    if isinstance(reply, list):
        return [_named(part) for part in reply]
    return reply.decode("utf-8", "surrogateescape") if isinstance(reply, bytes) else reply


def missing(keyspace: Keyspace) -> str:
    """Return why this keyspace has no use for the functions, or "" if it has."""
    by_name = {p.name: p for p in keyspace.patterns}
    for name, types in TYPES.items():
        if name not in by_name:
            return (
                "the project has no sessions that people join and leave"
                if name == "state"
                else f"the design has no `{name}`"
            )
        if by_name[name].type not in types:
            return f"`{name}` is a {by_name[name].type}; the functions need a {' or a '.join(types)}"
    return ""


def session_keys(
    keyspace: Keyspace, session_id: object, *, prefix: str = "", environment: str = "plan"
) -> dict[str, str]:
    """Return the names of one session's keys and channels, by pattern name.

    Only patterns that need nothing but the session's id are named.
    """
    ids = {"session_id": session_id, "env": environment}
    return {
        p.name: prefix + naming.render(p.template, **ids)
        for p in keyspace.patterns
        if p.scope == "session" and set(naming.placeholders(p.template)) <= set(ids)
    }


def other_keys(keyspace: Keyspace, keys: Mapping[str, str], *named: str) -> list[str]:
    """Return the session's other keys, whose TTL a function refreshes in the same step, in the order of the registry."""
    skip = {*named, "idem"}
    return [keys[p.name] for p in others(keyspace) if p.name in keys and p.name not in skip]


def others(keyspace: Keyspace) -> list[KeyPattern]:
    """Return the session's keys whose TTL every function refreshes; in front those whose entries go with a member's seat."""
    found = (p for p in keyspace.keys if p.scope == "session" and p.ttl.policy == "sliding")
    plain = (p for p in found if set(naming.placeholders(p.template)) <= {"session_id"})
    return sorted(plain, key=lambda p: p.leavers != "go")


def with_seat(keyspace: Keyspace) -> str:
    """Return the functions' ``with_seat`` for this keyspace: the types of the keys that :func:`others` has in front."""
    return " ".join(p.type for p in others(keyspace) if p.leavers == "go") or "none"


def keys_of(keyspace: Keyspace, name: str, keys: Mapping[str, str]) -> list[str]:
    """Return KEYS for the function ``name``: its named keys, then the session's other ones where it takes them."""
    function = functions()[name]
    more = other_keys(keyspace, keys, *function.keys) if function.more_keys else []
    return [keys[key] for key in function.keys] + more


def slots(keyspace: Keyspace, session_id: object = "k3v9") -> dict[str, set[int]]:
    """Return the cluster slots that each function's declared keys and its channel lie in: one each, or it is a fault."""
    keys = session_keys(keyspace, session_id)
    return {name: {naming.slot(key) for key in keys_of(keyspace, name, keys)} for name in functions()}


def log_argument(keyspace: Keyspace) -> str:
    """Return the functions' ``log_max`` for this keyspace: its bound, and ``stream`` where the log is one."""
    pattern = keyspace.pattern("log")
    return f"{int(pattern.max_elements)}{' stream' if pattern.type == 'stream' else ''}"


def channel_argument(keyspace: Keyspace, keys: Mapping[str, str]) -> str:
    """Return the functions' ``channel`` for this keyspace: the name, and ``sharded`` where the design says so."""
    pattern = keyspace.use("events")
    if pattern is None or pattern.name not in keys:
        return ""
    return keys[pattern.name] + (" sharded" if pattern.sharded else "")

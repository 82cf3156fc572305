"""Costing: what one candidate of a key costs at peak, as shares of what the project has."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from redis_plan.choice import constants
from redis_plan.choice.forms import Form
from redis_plan.keyspace.model import Candidate
from redis_plan.memory import model
from redis_plan.memory.layout import Build
from redis_plan.memory.shape import LARGEST_BYTES, Shape

#: Commands that only read: one of them in front of a write makes it read, change, write back.
READS = ("GET", "HGET", "HGETALL", "LRANGE", "SMEMBERS", "ZRANGE")
#: Bytes of RESP around one word of a request, and of a short reply such as ``:1`` or ``+OK``.
_WORD_BYTES, _SHORT_REPLY = 6, 5
#: Elements beyond which a key is predicted in proportion: its table is the smaller part.
_LARGE = 4_096
#: Forms of a hash with expiring fields that a memory layout knows.
_FIELD_TTL = ("listpack-ex", "entry-8")
#: Keys over which the keyspace's tables are averaged.
_MANY = 100_000


@dataclass(frozen=True, slots=True)
class Load:
    """How a key is used at peak in the whole system, and what the project has."""

    writes: float  # a second
    reads: float
    owners: float  # sessions at peak; 1 for keys that are counted in all
    ends: float  # owners that end a second
    memory_budget: float
    sync_latency: float


@dataclass(frozen=True, slots=True)
class Work:
    """One write or one read: commands, round trips, bytes both ways, seconds of server CPU."""

    commands: int
    round_trips: int
    bytes: float
    cpu_s: float
    own_s: float  # the part of it inside the commands, which INFO commandstats accounts


@dataclass(frozen=True, slots=True)
class Cost:
    """What a candidate costs; ``shares`` are weighted by name and add up to ``total``."""

    bytes_each: float  # of one session's keys, or of all keys that are counted in all
    keys_each: float
    write: Work
    read: Work
    shares: tuple[tuple[str, float], ...]

    @property
    def total(self) -> float:
        """The objective: the weighted shares together."""
        return sum(share for _, share in self.shares)


def cost(candidate: Candidate, form: Form, load: Load, build: Build, one_step: bool, reads_all: bool) -> Cost:
    """Return what ``candidate`` costs under ``load``; ``one_step`` where a function makes its commands one round trip."""
    size = sum(count * _bytes(shape, build) for count, shape in form.shapes)
    write = _operation(candidate.write, form, 1, one_step)
    repeat = math.ceil(form.keys) if form.split and reads_all else 1
    read = _operation(candidate.read, form, repeat, one_step=True)
    cpu = load.writes * write.cpu_s + load.reads * read.cpu_s
    network = load.writes * write.bytes + load.reads * read.bytes
    trips = (write.round_trips + read.round_trips) * constants.limit("round_trip_s")
    elements = form.keys * form.elements
    removing = form.keys * constants.cpu_s("remove") + elements * constants.cpu_s("remove_element")
    share = {
        "memory": size * load.owners / load.memory_budget,
        "cpu": cpu / constants.limit("core_s"),
        "network": network / constants.limit("network_bytes"),
        "round_trips": trips / load.sync_latency,
        "cleanup": load.ends * removing / constants.limit("core_s") if form.shapes else 0.0,
        "commands": float(len(candidate.write) - 1),
    }
    weighted = tuple((w.name, w.value * share[w.name]) for w in constants.weights())
    return Cost(size, form.keys if form.shapes else 0.0, write, read, weighted)


def rewrites(candidate: Candidate) -> bool:
    """Whether a write reads first and writes back what it read: two writers lose an update."""
    return len(candidate.write) > 1 and candidate.write[0].split()[0] in READS


@lru_cache(maxsize=8192)
def _per_key(shape: Shape, build_id: str, build: _Same) -> float:
    if shape.hfe and build.build.layout.rules["hash_field_ttl"] not in _FIELD_TTL:
        shape = replace(shape, hfe=False)  # this version has no such fields; the candidate is out, its cost a guess
    shape, too_large = _within_a_string(shape)
    tables = model.keyspace_tables(_MANY, _MANY if shape.ttl else 0, build.build) / _MANY
    larger = max(1.0, shape.n_elem / _LARGE)
    return (
        larger * too_large * model.predict(replace(shape, n_elem=min(shape.n_elem, _LARGE)), build.build).per_key
        + tables
    )


def _within_a_string(shape: Shape) -> tuple[Shape, float]:
    """Return a shape that a server can hold, and how many times larger ``shape`` is: such a candidate is out by its size."""
    if shape.type != "string" or not shape.vsize.isdigit() or int(shape.vsize) <= LARGEST_BYTES:
        return shape, 1.0
    return replace(shape, vsize=str(LARGEST_BYTES)), int(shape.vsize) / LARGEST_BYTES


@dataclass(frozen=True, slots=True, eq=False)
class _Same:
    """A build that a cache may take as a key: two with one id are the same."""

    build: Build

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.build == other.build

    def __hash__(self) -> int:
        return hash(self.build.id)


def _bytes(shape: Shape, build: Build) -> float:
    return _per_key(shape, build.id, _Same(build))


def _operation(templates: Sequence[str], form: Form, repeat: int, one_step: bool) -> Work:
    commands = len(templates) * repeat
    rewriting = len(templates) > 1 and templates[0].split()[0] in READS
    trips = len(templates) if rewriting and not one_step else 1
    parts = [_command(template, form) for template in templates]
    wrapped = 2 if commands > 1 and not rewriting and not one_step else 0  # MULTI and EXEC
    alone = trips * constants.cpu_s("command") + (commands + wrapped - trips) * constants.cpu_s("pipelined")
    size = repeat * sum(b for b, _ in parts)
    own = repeat * sum(s for _, s in parts)
    return Work(commands, trips, size, alone + own + size * constants.cpu_s("byte"), own)


@lru_cache(maxsize=1024)
def _words(template: str) -> tuple[str, ...]:
    return tuple(template.split())


def _command(template: str, form: Form) -> tuple[float, float]:
    """Return bytes both ways and server seconds of one command, without what every command costs."""
    words = _words(template)
    verb, sizes = words[0], {"<key>": form.key_bytes, "<member>": form.name_bytes or 26, "<value>": form.value_bytes}
    request = 0.0
    for word in words:
        size = float(len(re.sub(r"<\w+>", "", word)))
        size += sum(length for placeholder, length in sizes.items() if placeholder in word)
        request += size + _WORD_BYTES + (10 if "<score>" in word or "<count>" in word else 0)
    returned = _returned(words, form)
    reply = _SHORT_REPLY + returned * (form.name_bytes + form.value_bytes + 2 * _WORD_BYTES)
    own, each = constants.verb_s(verb)
    return request + reply, own + returned * each + _search(verb, form)


def _returned(words: tuple[str, ...], form: Form) -> float:
    """Return how many elements a command answers with."""
    verb, rest = words[0], words[1:]
    if verb == "GET" or verb in ("HGET",):
        return 1.0
    if verb in ("HGETALL", "SMEMBERS"):
        return form.elements
    if verb not in ("LRANGE", "ZRANGE", "ZRANGEBYSCORE", "XREVRANGE", "GEOSEARCH"):
        return 0.0
    if "COUNT" in rest and rest[-1].isdigit():
        return min(form.elements, float(rest[-1]))
    if "LIMIT" in rest:
        return min(form.elements, float(rest[rest.index("LIMIT") + 2]))
    ends = [int(word) for word in rest if re.fullmatch(r"-?\d+", word)]
    if len(ends) == 2 and (ends[0] >= 0) == (ends[1] >= 0):
        return min(form.elements, float(ends[1] - ends[0] + 1))
    return form.elements


def _search(verb: str, form: Form) -> float:
    """Return the time to find one element in a key: a scan of a listpack, or the levels of a sorted set."""
    if verb[0] not in "HZG" or verb in ("HGETALL", "GET") or form.elements <= 1:
        return 0.0
    small = form.elements <= 128 or (verb[0] == "H" and form.elements <= 512)
    if small and form.value_bytes <= 64:
        return form.elements * constants.cpu_s("scan")
    return math.log2(form.elements) * constants.cpu_s("level") if verb[0] in "ZG" else 0.0

"""What saves memory, and what it costs: shorter names, compressed values, small keys gathered in buckets."""

from __future__ import annotations

import json
import random
import statistics
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pandas as pd

from redis_plan.brief.model import Brief
from redis_plan.chapters.memory import loading
from redis_plan.chapters.memory.memory import baseline, cleared, conditions, measured_growth
from redis_plan.keyspace import naming
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.memory import model, project
from redis_plan.memory.layout import Build
from redis_plan.memory.live import build_of
from redis_plan.memory.shape import Shape

#: A pattern of more keys than this a session is a candidate for buckets.
MANY_KEYS = 8
#: Fields of a bucket: below every listpack limit, and few enough to be read through at each access.
BUCKET = 100
#: A UUID as text, in place of the ids of 12 characters that the design mints.
UUID = 36
#: Values shorter than this are not worth a compressor's header.
LEAST_COMPRESSED = 100


def naming_cost(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Compute the dataset at peak with shorter key names, shorter field names, and ids as UUIDs; nothing is loaded."""
    build = build_of(lab.server)
    question = "What do names cost: keys, fields, ids?"
    if not keyspace.keys:
        return Finding(question, "", "", (), not_run="this keyspace has no keys")
    sessions = max(1, round(brief.value("sessions_peak")))
    loads = project.loads(keyspace, sessions)
    variants: dict[str, Callable[[project.Load], Shape]] = {
        "as designed": lambda load: load.shape,
        "one letter a word in keys": _short_key,
        "two letters a field": _short_fields,
        "ids as UUID text in keys": _uuid_key,
    }
    rows = [
        {"variant": name, "bytes": model.predict_keyspace([change(load) for load in loads], build)[1]}
        for name, change in variants.items()
    ]
    samples = pd.DataFrame(rows)
    base = float(samples["bytes"].iloc[0])
    samples["saves_percent"] = 100 * (base - samples["bytes"]) / base
    keys, fields, ids = (float(v) for v in samples.saves_percent.iloc[1:])
    return Finding(
        question=question,
        hypothesis="short keys save little where values are large, and UUIDs cost more than all names together",
        method=f"the model, {sessions:,} sessions, the same values under other names",
        values=(
            Value("short_keys", keys, "%", grade="modelled"),
            Value("short_fields", fields, "%", grade="modelled"),
            Value("uuid_keys", -ids, "%", grade="modelled"),
        ),
        samples=samples,
        conclusion=f"Short keys save {keys:.1f} %, short fields {fields:.1f} %; UUIDs in key names cost {-ids:.1f} %.",
        conditions=conditions(lab, build, sessions=sessions),
    )


def _short_key(load: project.Load) -> Shape:
    words = naming.PLACEHOLDER.sub("", load.pattern.template).replace("{", ":").replace("}", ":").split(":")
    saved = sum(len(word) - 1 for word in words if word and not word.startswith("v1"))
    return replace(load.shape, key_len=load.shape.key_len - saved)


def _short_fields(load: project.Load) -> Shape:
    if not (project.is_record(load.pattern) or load.shape.type == "stream") or not load.shape.fsize.startswith("each:"):
        return load.shape
    names = [min(2, int(length)) for length in load.shape.fsize.removeprefix("each:").split(",")]
    return replace(load.shape, fsize="each:" + ",".join(map(str, names)))


def _uuid_key(load: project.Load) -> Shape:
    ids = [name for name in naming.PLACEHOLDER.findall(load.pattern.template) if name.endswith("_id")]
    sample = naming.parse(load.pattern.template, naming.example(load.pattern.template)) or {}
    return replace(load.shape, key_len=load.shape.key_len + sum(UUID - len(sample.get(name, "k" * 12)) for name in ids))


def small_keys(lab: Lab, *, keyspace: Keyspace) -> Finding:
    """Compare many small keys of a session with one hash a session and with listpack-sized buckets, loaded and measured."""
    build = build_of(lab.server)
    question = "What do many small keys of one session cost, and the same values gathered in hashes?"
    found = [p for p in keyspace.keys if p.type == "string" and p.scope != "global" and p.per_session >= MANY_KEYS]
    if not found:
        return Finding(question, "", "", (), not_run=f"no string pattern has {MANY_KEYS} or more keys a session")
    pattern = max(found, key=lambda p: p.per_session)
    each = round(pattern.per_session)
    sessions = max(2, lab.by_profile(2_000, 40_000, 200_000) // each)
    designs = _gathered(pattern, each, sessions, build)
    rows: list[dict[str, float | str]] = []
    with loading.target(lab) as server, server.client() as client:
        before = baseline(client, server)
        for name, load in designs.items():
            predicted, growth, _ = measured_growth(client, server, (load,), build, before)
            before = cleared(client, server, (load,))
            rows.append({"design": name, "predicted": predicted / sessions, "measured": growth / sessions})
    samples = pd.DataFrame(rows)
    measured = samples.set_index("design").measured
    values = [Value(name.replace(" ", "_"), float(measured[name]), "B", n=sessions) for name in measured.index]
    values.append(Value("saved_by_buckets", 100 * (1 - float(measured["buckets"] / measured["key each"])), "%"))
    values.append(Value("keys_each", float(each), "keys"))
    return Finding(
        question=question,
        hypothesis="a key of its own costs several times its value; a listpack close to the value alone",
        method=f"{sessions} sessions of {each} values of `{pattern.name}`; buckets are hashes of at most {BUCKET} fields",
        values=tuple(values),
        samples=samples,
        conclusion=f"Buckets take {measured['buckets']:,.0f} B a session, a key each {measured['key each']:,.0f} B.",
        conditions=conditions(
            lab,
            build,
            pattern=pattern.name,
            sessions=sessions,
            fields=designs["buckets"].shape.n_elem,
            encoding=model.predict(designs["buckets"].shape, build).encoding,
        ),
    )


def _gathered(pattern: KeyPattern, each: int, sessions: int, build: Build) -> dict[str, project.Load]:
    alone = project.load_of(pattern, sessions)
    # the last id in the key's name becomes the field's name
    ids = naming.PLACEHOLDER.findall(pattern.template)
    sample = naming.parse(pattern.template, naming.example(pattern.template)) or {}
    name = len(sample.get(ids[-1], "k" * 12))
    key_len, size = alone.shape.key_len - name - 1, alone.fields[0][1].removeprefix("i")
    hashed = Shape("hash", key_len, n_elem=each, fsize=str(name), vsize=size, batch=project.BATCH, ttl=alone.shape.ttl)
    fields = min(BUCKET, build.number("hash-max-listpack-entries"))
    buckets = max(1, -(-each // fields))
    full = replace(hashed, key_len=key_len + 3, n_elem=min(each, fields), n_keys=sessions * buckets)
    return {
        "key each": alone,
        "hash a session": project.plain(replace(hashed, n_keys=sessions), "gather"),
        "buckets": project.plain(replace(full, n_elem=max(1, round(each / buckets))), "gather"),
    }


def compression(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Measure what compressing the largest values saves in memory and costs in CPU, on the client and in the server.

    Values are JSON with the words of the project's own documents; the client compresses with zlib (with and without a
    preset dictionary of other such values), the server with ``list-compress-depth 1`` where the log is a list.
    """
    build = build_of(lab.server)
    question = "What does compression save, and what CPU does it cost?"
    pattern, size = _largest(keyspace, build)
    if pattern is None:
        return Finding(question, "", "", (), not_run=f"no value of this keyspace has {LEAST_COMPRESSED} B or more")
    rng = lab.rng("compression")
    texts = list(_texts(brief, size, rng, lab.by_profile(60, 300, 1000)))
    known = b"".join(texts[: len(texts) // 3])[-8192:]
    sample = texts[len(texts) // 3 :]
    load = project.load_of(pattern, 1)
    plain = model.predict(load.shape, build).per_key * max(load.per_session, 1.0)
    rows: list[dict[str, float | str]] = [
        {"method": "as it is", "value_bytes": float(size), "session_bytes": plain, "us_write": 0.0, "us_read": 0.0}
    ]
    for name, pack, unpack in _packers(known):
        packed = [pack(text) for text in sample]
        mean = round(statistics.fmean(map(len, packed)))
        smaller = replace(load.shape, vsize=str(mean))
        rows.append(
            {
                "method": name,
                "value_bytes": float(mean),
                "session_bytes": model.predict(smaller, build).per_key * max(load.per_session, 1.0),
                "us_write": _microseconds(pack, sample),
                "us_read": _microseconds(unpack, packed),
            }
        )
    if pattern.type == "list" and lab.server.ours:
        rows.append(_in_server(lab, pattern, load, sample, plain))
    samples = pd.DataFrame(rows)
    samples["saves_percent"] = 100 * (1 - samples.session_bytes / plain)
    best = samples.iloc[1:].sort_values("session_bytes").iloc[0]
    rate = brief.value("sessions_peak") * brief.value("events_per_session")
    core = 100 * rate * float(best.us_write) / 1e6
    return Finding(
        question=question,
        hypothesis="short values compress badly alone and well with a dictionary; the CPU is the client's, not the server's",
        method=f"{len(sample)} values of {size} B of `{pattern.name}`, JSON with the documents' own words drawn one by one; CPU of one core here",
        values=(
            Value("size_plain", float(size), "B"),
            Value("size_best", float(best.value_bytes), "B", n=len(sample)),
            Value("saved_best", float(best.saves_percent), "%"),
            Value("write_best", float(best.us_write) / 1e6, "s", n=len(sample)),
            Value("read_best", float(best.us_read) / 1e6, "s", n=len(sample)),
            Value("core_at_peak", core, "%", grade="modelled"),
        ),
        samples=samples,
        conclusion=(
            f"{best.method} brings {size} B to {best.value_bytes:.0f} B, saves {best.saves_percent:.0f} % of `{pattern.name}` and "
            f"costs {best.us_write:.0f} µs a write: {core:.1f} % of a core at the peak's {rate:,.0f} events/s."
        ),
        conditions=conditions(lab, build, pattern=pattern.name, method=str(best.method)),
    )


def _largest(keyspace: Keyspace, build: Build) -> tuple[KeyPattern | None, int]:
    """Return the pattern whose compressible values take most of a session, and the size of one value."""
    best: tuple[float, KeyPattern, int] | None = None
    for load in project.loads(keyspace, 1):
        size = load.fields[0][1] if not project.is_record(load.pattern) and len(load.fields) == 1 else "i0"
        if load.shape.type in ("zset", "set") or size.startswith("i") or int(size) < LEAST_COMPRESSED:
            continue
        weight = model.predict(load.shape, build).per_key * max(load.per_session, 1.0)
        if best is None or weight > best[0]:
            best = (weight, load.pattern, int(size))
    return (best[1], best[2]) if best else (None, 0)


def _texts(brief: Brief, size: int, rng: random.Random, count: int) -> Iterator[bytes]:
    """Yield ``count`` JSON values of about ``size`` bytes: ids, a version, a type, and words of the documents."""
    words = [word for requirement in brief.requirements for word in requirement.text.split()] or [
        "value",
        "state",
        "change",
    ]
    types = ["created", "changed", "joined", "left", "answered", "closed"]
    for number in range(count):
        head = {
            "e": f"{rng.getrandbits(64):016x}",
            "v": number + 1,
            "t": rng.choice(types),
            "op": f"{rng.getrandbits(60):015x}",
        }
        text = ""
        while len(json.dumps(head | {"d": text}, ensure_ascii=False).encode()) < size:
            text += rng.choice(words) + " "
        yield json.dumps(head | {"d": text}, ensure_ascii=False).encode()[:size]


def _packers(known: bytes) -> list[tuple[str, Callable[[bytes], bytes], Callable[[bytes], bytes]]]:
    def with_dictionary(text: bytes) -> bytes:
        packer = zlib.compressobj(6, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, known)
        return packer.compress(text) + packer.flush()

    def from_dictionary(packed: bytes) -> bytes:
        return zlib.decompressobj(-15, known).decompress(packed)

    return [
        ("zlib", lambda text: zlib.compress(text, 6), zlib.decompress),
        ("zlib with dictionary", with_dictionary, from_dictionary),
    ]


def _microseconds(work: Callable[[bytes], bytes], items: Sequence[bytes]) -> float:
    """Return the median of several passes, in microseconds an item."""
    passes = []
    for _ in range(5):
        began = time.perf_counter()
        for item in items:
            work(item)
        passes.append(1e6 * (time.perf_counter() - began) / len(items))
    return statistics.median(passes)


def _in_server(
    lab: Lab, pattern: KeyPattern, load: project.Load, sample: Sequence[bytes], plain: float
) -> dict[str, float | str]:
    """Measure ``list-compress-depth 1``: bytes of a full list against none, and the server's own time for a push."""
    entries, lists = load.shape.n_elem, lab.by_profile(4, 30, 100)
    seen: list[tuple[float, float]] = []
    for depth in ("0", "1"):
        with lab.own({"list-compress-depth": depth}) as server, server.client() as client:
            client.execute_command("CONFIG", "RESETSTAT")
            loading.send(
                server, (("RPUSH", f"list:{n}", sample[i % len(sample)]) for i in range(entries) for n in range(lists))
            )
            stats = client.info("commandstats")["cmdstat_rpush"]
            # of a list MEMORY USAGE adds up every node as it is stored; what else grows and shrinks is none of its bytes
            taken = sum(client.memory_usage(f"list:{n}", samples=0) or 0 for n in range(lists))
            seen.append((taken / lists, float(stats["usec_per_call"])))
    (none, us_none), (packed, us_packed) = seen
    return {
        "method": "list-compress-depth 1",
        "value_bytes": packed / entries,
        "session_bytes": plain * packed / none,
        "us_write": max(us_packed - us_none, 0.0),
        "us_read": 0.0,
    }

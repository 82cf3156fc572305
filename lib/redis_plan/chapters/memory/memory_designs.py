"""Memory of designs: candidates for the state and the log, and the cliffs of the compact encodings."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import redis

from redis_plan.chapters.memory import loading
from redis_plan.chapters.memory.memory import baseline, cleared, conditions, key_names, measured_growth, quiet_after
from redis_plan.keyspace.model import Field, KeyPattern, Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.memory import project
from redis_plan.memory.layout import Build
from redis_plan.memory.live import build_of
from redis_plan.memory.shape import Shape

#: Sessions in one bucket: few enough for a listpack, were their values short enough.
BUCKET = 100


def state_candidates(lab: Lab, *, keyspace: Keyspace) -> Finding:
    """Compare the state as one hash, as a JSON string, as one key a field, and as JSON in buckets of many sessions."""
    build = build_of(lab.server)
    pattern = next((p for p in keyspace.keys if project.is_record(p)), None)
    question = "What does the state cost as a hash, as a JSON string, as one key a field, in buckets?"
    if pattern is None:
        return Finding(question, "", "", (), not_run="this keyspace has no hash with fixed fields to compare")
    sessions = lab.by_profile(200, 2_000, 10_000)
    rows: list[dict[str, float | str]] = []
    with loading.target(lab) as server, server.client() as client:
        before = baseline(client, server)
        for name, loads in _state_designs(pattern, sessions).items():
            predicted, growth, _ = measured_growth(client, server, loads, build, before)
            before = cleared(client, server, loads)
            rows.append(
                {
                    "candidate": name,
                    "predicted": predicted / sessions,
                    "measured": growth / sessions,
                    "keys_per_session": sum(load.shape.n_keys for load in loads) / sessions,
                }
            )
    samples = pd.DataFrame(rows)
    by_name = samples.set_index("candidate").measured
    values = [Value(name.replace(" ", "_"), float(by_name[name]), "B", n=sessions) for name in by_name.index]
    ratio = float(by_name["key per field"] / by_name["hash"])
    values.append(Value("key_per_field_ratio", ratio, "x"))
    values.append(Value("buckets_ratio", float(by_name["buckets"] / by_name["hash"]), "x"))
    return Finding(
        question=question,
        hypothesis="a key a field costs several times a hash, a JSON string about as much as a hash in a listpack",
        method=f"{sessions:,} sessions of {len(pattern.fields)} fields each, TTL on every key, used_memory at rest",
        values=tuple(values),
        samples=samples,
        conclusion=f"One key a field takes {ratio:.1f} times the bytes of the hash.",
        conditions=conditions(lab, build, sessions=sessions),
    )


def _state_designs(pattern: KeyPattern, sessions: int) -> dict[str, tuple[project.Load, ...]]:
    """Return the keys of each design of the state; names stay as long as they are in the keyspace."""
    record = project.load_of(pattern, sessions)
    whole = str(project.json_bytes(pattern.fields))
    text = replace(pattern, type="string", fields=(Field("value", "JSON", int(whole)),))
    single = [
        replace(
            pattern,
            name=f"{pattern.name}-{field.name}",
            template=f"{pattern.template}:{field.name}",
            type="string",
            fields=(Field("value", field.type, field.max_bytes),),
        )
        for field in pattern.fields
    ]
    return {
        "hash": (record,),
        "JSON string": (project.load_of(text, sessions),),
        "key per field": tuple(project.load_of(one, sessions) for one in single),
        "buckets": (_buckets(record.shape, int(whole), sessions),),
    }


def _buckets(shape: Shape, size: int, sessions: int) -> project.Load:
    """Return the same state as JSON in hashes of :data:`BUCKET` sessions: one key for many, and no TTL of one session."""
    hashed = Shape(
        "hash", shape.key_len, n_elem=BUCKET, fsize="12", vsize=str(size), batch=project.BATCH, ttl=shape.ttl
    )
    return project.plain(replace(hashed, n_keys=max(1, sessions // BUCKET)), "bucket")


def log_floor(lab: Lab, *, keyspace: Keyspace) -> Finding:
    """Compare the event log as a list, as a stream, and as a stream with small nodes, by entries in the log."""
    build = build_of(lab.server)
    pattern = next((p for p in keyspace.keys if p.use == "log"), None)
    question = "What does an event log cost as a stream and as a list, by the number of entries?"
    if pattern is None:
        return Finding(question, "", "", (), not_run="this keyspace has no event log")
    bound = max(2, math.ceil(pattern.max_elements))
    lengths = sorted({1, max(2, bound // 3), bound})
    if lab.profile == "quick":
        lengths = [1, bound]
    logs = lab.by_profile(3, 300, 1_000)
    size = project.element_bytes(pattern.fields)
    rows: list[dict[str, float | str]] = []
    with loading.target(lab) as server, server.client() as client:
        before = baseline(client, server)
        for node_bytes in ("4096", "1024"):
            if node_bytes != build.settings.get("stream-node-max-bytes", "4096") and not _set(
                lab, client, "stream-node-max-bytes", node_bytes
            ):
                continue
            before = loading.settle(client, server.ours, quiet_s=quiet_after(server, 0))
            here = replace(build, settings={**build.settings, "stream-node-max-bytes": node_bytes})
            for kind in ("list", "stream") if node_bytes == "4096" else ("stream",):
                for length in lengths:
                    load = _log_load(pattern, kind, size, length, logs)
                    predicted, growth, _ = measured_growth(client, server, (load,), here, before)
                    before = cleared(client, server, (load,))
                    name = kind if kind == "list" else f"stream, nodes of {node_bytes} B"
                    rows.append(
                        {"design": name, "entries": length, "predicted": predicted / logs, "measured": growth / logs}
                    )
    samples = pd.DataFrame(rows)
    floor = samples[samples.entries == 1].set_index("design").measured
    full = samples[samples.entries == bound].set_index("design").measured
    values = []
    for name, label in (
        ("list", "list"), ("stream, nodes of 4096 B", "stream"), ("stream, nodes of 1024 B", "stream_1024"),
    ):  # fmt: skip
        if name in floor.index:
            values.append(Value(f"{label}_1_entry", float(floor[name]), "B", n=logs))
            values.append(Value(f"{label}_full", float(full[name]), "B", n=logs))
    return Finding(
        question=question,
        hypothesis="a stream costs over 4 KB from its first entry, because a node of stream-node-max-bytes is allocated",
        method=f"{logs} logs of each length, entries of {size} B, used_memory at rest",
        values=tuple(values),
        samples=samples,
        conclusion=(
            f"With one entry a stream takes {floor.get('stream, nodes of 4096 B', math.nan):,.0f} B and a list "
            f"{floor.get('list', math.nan):,.0f} B; full ({bound} entries) {full.get('stream, nodes of 4096 B', math.nan):,.0f} B "
            f"and {full.get('list', math.nan):,.0f} B."
        ),
        conditions=conditions(lab, build, logs=logs, entry_bytes=size),
    )


def _log_load(pattern: KeyPattern, kind: str, size: int, length: int, logs: int) -> project.Load:
    field = Field("d", "text", size)
    changed = replace(
        pattern,
        type="stream" if kind == "stream" else "list",
        fields=(field,),
        typical_elements=float(length),
        max_elements=float(length),
    )
    return project.load_of(changed, max(1, round(logs / (pattern.per_session or 1))))


def _set(lab: Lab, client: redis.Redis, name: str, value: str) -> bool:
    if not lab.server.ours:
        return False
    try:
        return bool(client.config_set(name, value))
    except redis.RedisError:
        return False


def encoding_cliffs(lab: Lab) -> Finding:
    """Measure what the next element, or one longer value, costs at each limit of the compact encodings."""
    build = build_of(lab.server)
    keys = lab.by_profile(8, 200, 500)
    rows: list[dict[str, float | str]] = []
    with loading.target(lab) as server, server.client() as client:
        before = baseline(client, server)
        for name, below, above in _cliffs(build):
            sizes = []
            for shape in (below, above):
                loads = (project.plain(replace(shape, n_keys=keys), "part"),)
                predicted, growth, _ = measured_growth(client, server, loads, build, before)
                encoding = client.object("encoding", next(iter(key_names(loads, server.prefix))))
                before = cleared(client, server, loads)
                sizes.append((growth / keys, predicted / keys, encoding.decode()))
            rows.append(
                {
                    "cliff": name,
                    "below": sizes[0][0],
                    "above": sizes[1][0],
                    "ratio": sizes[1][0] / sizes[0][0],
                    "encoding_below": sizes[0][2],
                    "encoding_above": sizes[1][2],
                    "predicted_below": sizes[0][1],
                    "predicted_above": sizes[1][1],
                }
            )
    samples = pd.DataFrame(rows)
    values = [
        Value(str(name).replace(" ", "_"), float(ratio), "x", n=keys)
        for name, ratio in zip(samples["cliff"], samples["ratio"], strict=True)
    ]
    return Finding(
        question="What does one step past a limit of the compact encodings cost?",
        hypothesis="two to five times the bytes, and the key never returns to the compact encoding",
        method=f"{keys} keys at the limit and one step past it, used_memory at rest; limits read from this server",
        values=tuple(values),
        samples=samples,
        conclusion=f"One step multiplies the bytes by {samples.ratio.min():.1f} to {samples.ratio.max():.1f}.",
        conditions=conditions(lab, build, keys=keys),
    )


def _cliffs(build: Build) -> list[tuple[str, Shape, Shape]]:
    fields, value = build.number("hash-max-listpack-entries"), build.number("hash-max-listpack-value")
    members = build.number("zset-max-listpack-entries")
    hash_shape = Shape("hash", 30, n_elem=20, fsize="8", vsize="20", batch=project.BATCH)
    zset = Shape("zset", 30, n_elem=members, fsize="20", score="big", batch=project.BATCH)
    return [
        ("hash entries", replace(hash_shape, n_elem=fields), replace(hash_shape, n_elem=fields + 1)),
        ("hash value", replace(hash_shape, vsize=str(value)), replace(hash_shape, vsize=str(value + 1))),
        ("zset entries", zset, replace(zset, n_elem=members + 1)),
    ]

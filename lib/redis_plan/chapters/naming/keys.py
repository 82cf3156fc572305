"""Keys: how names spread over slots, what a longer name costs, and whether each atomic step stays in one slot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import redis
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from redis_plan import figures
from redis_plan.errors import ServerError
from redis_plan.keyspace import functions, naming, records
from redis_plan.keyspace.model import Keyspace
from redis_plan.keyspace.together import together
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab

SLOTS = 16384  # Redis cluster specification
NODES = (3, 6, 12)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32, the alphabet of a ULID

#: Ids that a user or an attacker might choose; encoding must keep each inside its segment.
NASTY = ("{}", "a}:b", "{x", "*", "a:b", "\n", "\x00", "%7D", "é" * 40, "🎲" * 2500)


def slot_skew(lab: Lab, *, template: str, sessions_peak: float, tags: int = 128) -> Finding:
    """Compare how random session ids, small integer tags and one constant tag spread over cluster nodes.

    ``template`` is a session key of the design. Slots are dealt to nodes in equal, contiguous ranges, as
    ``redis-cli --cluster create`` does. The skew is the fullest node's share over the mean share (1 is even).
    """
    rng, count = lab.rng("slots"), lab.by_profile(20_000, 100_000, 200_000)
    ids = ["".join(rng.choices(_ALPHABET, k=12)) for _ in range(count)]
    schemes = {
        "session id": np.array([naming.slot(_render(template, i)) for i in ids]),
        f"tags {{0}}…{{{tags - 1}}}": np.array([naming.slot(f"{{{i}}}:x") for i in range(tags)]),
        "one constant tag": np.full(count, naming.slot("{app}:x")),
    }
    rows = [
        {"scheme": scheme, "nodes": nodes, "node": node, "share": float(share)}
        for scheme, slots in schemes.items()
        for nodes in NODES
        for node, share in enumerate(_shares(slots, nodes))
    ]
    names = {"session id": "ids", "one constant tag": "constant"}
    values = [
        Value(f"{names.get(scheme, 'tags')}_{nodes}", _skew(slots, nodes), "x", len(slots), grade="modelled")
        for scheme, slots in schemes.items()
        for nodes in NODES
    ]
    # with the project's own number of sessions chance matters more than the hash: draw that many, often
    live = max(2, int(sessions_peak))
    pool, draws = schemes["session id"], np.random.default_rng(lab.seed)
    picked = [_skew(draws.choice(pool, min(live, len(pool)), replace=False), 3) for _ in range(200)]
    low, high = np.percentile(picked, [2.5, 97.5])
    values.append(Value("live_3", float(np.median(picked)), "x", 200, float(low), float(high), grade="modelled"))
    even = _skew(schemes["session id"], 6)
    return Finding(
        question="Do the sessions spread evenly over the nodes of a cluster?",
        hypothesis="Random session ids do, within a few percent; small integers as hash tags do not.",
        method="CRC16 of the hash tag modulo 16384 (Redis cluster specification) for generated names",
        values=tuple(values),
        samples=pd.DataFrame(rows),
        conclusion=f"With session ids the fullest of 6 nodes holds {even:.2f} times its even share.",
        conditions={"ids": count, "tags": tags, "sessions at peak": float(sessions_peak)},
    )


def _shares(slots: Any, nodes: int) -> Any:  # Any: numpy arrays
    return np.bincount(slots * nodes // SLOTS, minlength=nodes) / len(slots)


def _skew(slots: Any, nodes: int) -> float:
    return float(_shares(slots, nodes).max() * nodes)


def plot_skew(samples: pd.DataFrame) -> Figure:
    """Draw each node's share of the sessions for the two schemes that use more than one node."""
    kept = samples[samples["scheme"] != "one constant tag"].copy()
    kept["relative"] = kept["share"] * kept["nodes"] * 100
    figure, axes = plt.subplots()
    sns.stripplot(kept, x="nodes", y="relative", hue="scheme", dodge=True, jitter=False, size=6, legend=False, ax=axes,
                  palette=[figures.HIGHLIGHT, figures.CONTEXT])  # fmt: skip
    axes.axhline(100, color="black", linewidth=0.8, linestyle="--")
    axes.set(title="Share of sessions on each node, against an even share", xlabel="nodes", ylabel="share (% of even)")
    axes.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    last = kept[kept["nodes"] == NODES[-1]]
    for scheme, colour, side in zip(
        last["scheme"].unique(), (figures.HIGHLIGHT, figures.CONTEXT), (-1, 1), strict=True
    ):
        top = last[last["scheme"] == scheme]["relative"].max()
        axes.annotate(
            scheme, (len(NODES) - 1 + 0.2 * side, top), (0, 7), textcoords="offset points", color=colour, ha="center"
        )
    axes.margins(y=0.15)
    return figure


def name_cost(lab: Lab, *, names: Mapping[str, str], keys_at_peak: float) -> Finding:
    """Measure what a key costs by the length of its name, on a server of our own.

    ``names`` are three forms of the same key ("short", "chosen", "long"). First `MEMORY USAGE` of single keys at each
    length, then the growth of `used_memory` over many keys of each form, which counts what the allocator gives.
    """
    count = lab.by_profile(3_000, 10_000, 50_000)
    question = "What does a readable key name cost?"
    try:
        with lab.own({"save": "", "appendonly": "no"}) as own:
            samples = _measure_names(own.client(), names, count)
    except ServerError as error:
        return Finding(question, "", "", (), not_run=f"no server of our own: {error}")
    per_key = samples[samples["kind"] == "used_memory"].groupby("name")["bytes"]
    values = [Value(f"{form}_key", float(per_key.median()[form]), "B", 3 * count) for form in names]
    values += [Value(f"{form}_length", float(len(text)), "B", grade="modelled") for form, text in names.items()]
    extra = (per_key.median()["chosen"] - per_key.median()["short"]) * keys_at_peak
    saved = (per_key.median()["long"] - per_key.median()["chosen"]) * keys_at_peak
    values.append(Value("readable_total", max(0.0, float(extra)), "B", grade="modelled"))
    values.append(Value("long_total", max(0.0, float(saved)), "B", grade="modelled"))
    return Finding(
        question=question,
        hypothesis="Memory grows in the allocator's steps, not byte by byte, and stays small beside the values.",
        method=f"Strings of 8 B with a TTL under names of each length; used_memory over {count:,} keys, three rounds in turn",
        values=tuple(values),
        samples=samples,
        conclusion=f"The chosen name takes {per_key.median()['chosen'] - per_key.median()['short']:.0f} B a key more than the short one.",
        conditions={"keys": count, "rounds": 3, "keys at peak": keys_at_peak},
    )


def _measure_names(client: redis.Redis, names: Mapping[str, str], count: int) -> pd.DataFrame:
    single = [
        {"kind": "MEMORY USAGE", "name": "", "length": n, "bytes": min(_usage(client, n) for _ in range(3))}
        for n in range(16, 129, 2)
    ]
    _growth(client, names["chosen"], count)  # warm-up: the tables of keys and client buffers take their size
    grown = [
        {"kind": "used_memory", "name": form, "length": len(text), "bytes": _growth(client, text, count)}
        for _ in range(3)
        for form, text in names.items()
    ]
    return pd.DataFrame([*single, *grown])


def _usage(client: redis.Redis, length: int) -> int:
    name = "k" * length
    client.set(name, "12345678", ex=7200)
    size: Any = client.memory_usage(name, samples=0)
    client.delete(name)
    return int(size)


def _growth(client: redis.Redis, name: str, count: int) -> float:
    """Return the growth of used_memory a key, for ``count`` keys that are as long as ``name``."""
    before = _used(client)
    # the counter takes the place of the last characters, so that every name has the same length
    made = [f"{name[:-8]}{i:08d}" for i in range(count)]
    for batch in _batches(made, 1000):
        pipe = client.pipeline(transaction=False)
        for key in batch:
            pipe.set(key, "12345678", ex=7200)
        pipe.execute()
    after = _used(client)
    client.execute_command("FLUSHALL", "SYNC")  # Valkey 8 and later flush in the background otherwise
    return (after - before) / count


def _batches(items: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (items[i : i + size] for i in range(0, len(items), size))


def _used(client: redis.Redis) -> int:
    info: Any = client.info("memory")
    return int(info["used_memory"]) - int(info.get("mem_clients_normal", 0))


def plot_name_cost(samples: pd.DataFrame) -> Figure:
    """Draw bytes of a key against the length of its name, with the three forms marked."""
    single = samples[samples["kind"] == "MEMORY USAGE"]
    forms = samples[samples["kind"] == "used_memory"].groupby("name", sort=False)[["length", "bytes"]].median()
    figure, axes = plt.subplots()
    axes.step(single["length"], single["bytes"], where="post", color=figures.CONTEXT)
    axes.annotate("MEMORY USAGE", (single["length"].iloc[-1], single["bytes"].iloc[-1]), (-4, -14),
                  textcoords="offset points", ha="right", color=figures.CONTEXT)  # fmt: skip
    for form, row in forms.iterrows():
        axes.plot(row["length"], row["bytes"], "o", color=figures.HIGHLIGHT)
        axes.annotate(f"{form}: {row['bytes']:.0f} B", (row["length"], row["bytes"]), (6, -14 if form == "short" else 6), textcoords="offset points",
                      color=figures.HIGHLIGHT)  # fmt: skip
    axes.set(title="Bytes of one key with an 8-byte value, by the length of its name", xlabel="length of the name (B)",
             ylabel="bytes a key", ylim=(0, 1.15 * samples["bytes"].max()))  # fmt: skip
    return figure


def one_slot(lab: Lab, *, keyspace: Keyspace) -> Finding:
    """Ask a cluster-enabled server for the slot of every key that is changed together, and run every function on it.

    Ids include braces, colons, blanks and 10 kB of emoji. The negative control is the same names without hash tags.
    """
    try:
        with lab.own({"cluster-enabled": "yes", "port": "auto"}) as own:
            return _one_slot(own.client(), keyspace, lab.by_profile(50, 200, 1000), lab)
    except ServerError as error:
        return Finding(
            "Does every atomic step stay in one slot?", "", "", (), not_run=f"no cluster-enabled server: {error}"
        )


def _one_slot(client: redis.Redis, keyspace: Keyspace, count: int, lab: Lab) -> Finding:
    client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
    rng = lab.rng("one-slot")
    ids = [*NASTY, *("".join(rng.choices(_ALPHABET, k=12)) for _ in range(count))]
    rows = []
    for step, templates in together(keyspace).items():
        for number, owner in enumerate(ids):
            names = [_render(template, owner) for template in templates]
            bare = [name.replace("{", "").replace("}", "") for name in names]
            rows.append({"step": step, "id": number, "keys": len(names), "slots": _slots(client, names),
                         "slots_without_tag": _slots(client, bare)})  # fmt: skip
    samples = pd.DataFrame(rows, columns=["step", "id", "keys", "slots", "slots_without_tag"])
    crossed, control = _crossed(client, keyspace)
    asked, split = int(samples["keys"].sum()), int((samples["slots"] > 1).sum())
    return Finding(
        question="Does every atomic step stay in one slot?",
        hypothesis="All keys that change together carry the same hash tag, whatever the id; without tags they scatter.",
        method="CLUSTER KEYSLOT for each name, and each function called once, on a node that owns all slots",
        values=(
            Value("steps", len(together(keyspace)), "steps"),
            Value("names", asked, "names", asked),
            Value("split", split, "sets", len(samples)),
            Value("split_without_tag", int((samples["slots_without_tag"] > 1).sum()), "sets", len(samples)),
            Value("crossslot", crossed, "errors"),
            Value("crossslot_without_tag", control, "errors"),
        ),
        samples=samples,
        conclusion=f"{split} of {len(samples):,} sets of keys lie in more than one slot.",
        conditions={"ids": len(ids), "of which hostile": len(NASTY)},
    )


def tagged(keyspace: Keyspace) -> str:
    """Return the template whose hash tag spreads the design over slots: the session's, or the first with a tag."""
    tags = [p.template for p in keyspace.keys if naming.hash_tag(p.template)]
    return tags[0] if tags else f"{keyspace.app}:v{keyspace.schema_version}:{{<session_id>}}:state"


def three_forms(keyspace: Keyspace) -> dict[str, str]:
    """Return one key of the design under a one-letter, the chosen and a spelt-out name."""
    pattern = next((p for p in keyspace.keys if p.scope == "session"), keyspace.keys[0] if keyspace.keys else None)
    chosen = naming.example(pattern.template) if pattern else f"{keyspace.app}:v1:x"
    part = pattern.name if pattern else "x"
    return {
        "short": f"{keyspace.app[0]}1:{{01J9Z3K8QW4T}}:{part[0]}",
        "chosen": chosen,
        "long": f"{keyspace.app}:production:schema-version-{keyspace.schema_version}:{keyspace.session_noun}:"
        f"{{0190a7c2-5d3e-7a11-9f55-3c1a77f2b8aa}}:current-{part}",
    }


def _render(template: str, owner: str) -> str:
    tag = naming.placeholders(naming.hash_tag(template))
    return naming.render(
        template, **{n: owner if n in tag else f"x{i}" for i, n in enumerate(naming.placeholders(template))}
    )


def _slots(client: redis.Redis, names: Sequence[str]) -> int:
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.execute_command("CLUSTER", "KEYSLOT", name)
    return len(set(pipe.execute()))


def _crossed(client: redis.Redis, keyspace: Keyspace) -> tuple[int, int]:
    """Return how many functions the server refuses as CROSSSLOT, with hash tags and without."""
    if functions.missing(keyspace):
        return 0, 0
    counts = []
    for strip in (False, True):
        refused = 0
        for name, templates in together(keyspace).items():
            if not name.startswith("session_"):
                continue
            keys = [_render(t, "k3v9") for t in templates]
            keys = [k.replace("{", "").replace("}", "") for k in keys] if strip else keys
            try:  # no arguments: the function itself answers BADARG
                if name.startswith(records.NAME):
                    records.call(client, keys, [])
                else:
                    functions.call(client, name, keys, [])
            except redis.ResponseError as error:
                refused += "CROSSSLOT" in str(error) or "same slot" in str(error)
        counts.append(refused)
    return counts[0], counts[1]

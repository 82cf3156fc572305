"""Calibration: what a live server's own memory says about its layout, where the layout is a guess or does not fit.

A few small sets of keys are loaded (:mod:`redis_plan.chapters.memory.calibrating` does that) and their growth of
``used_memory`` is compared with the nearest layout. Where it deviates, the family and the allocator that explain the
readings best are taken, then a constant a key and a constant an element is fitted for each kind of value. Sets that
took no part in the fit are the check; what they still show is said, not hidden.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from redis_plan.memory import layout, model, project
from redis_plan.memory.allocator import NAMES
from redis_plan.memory.layout import Build, Correction
from redis_plan.memory.shape import Shape

#: A set deviates when the prediction is further off than this, in per cent, and the whole when the median is.
#: glibc's blocks differ by 16 B from one run to the next, which small sets of small values show.
SET_TOLERANCE, MEDIAN_TOLERANCE, LEAST_BYTES = {"libc": 6.0}, {"libc": 1.0}, {"libc": 4.0}
_SET, _MEDIAN, _BYTES = 2.0, 0.3, 1.0
#: Another family or allocator is taken only if it is better by this much on average, in percentage points.
_CLEARLY = 0.2
#: A value of so many elements is corrected by the element where only one size was loaded.
_LARGE = 50
#: Keys of the first set: with the sets that follow, no keyspace table is doubled on the way (4096 < n, n + 2800 < 7168).
FIRST_KEYS, SET_KEYS, SHARED_SET_KEYS = 4_200, 80, 300


@dataclass(frozen=True, slots=True)
class Probe:
    """One set of keys to load; ``check`` sets take no part in the fit."""

    load: project.Load
    check: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What one set of keys did: its shape as loaded (prefix included), the keys before it, the growth in bytes."""

    shape: Shape
    check: bool
    keys_before: int
    volatile_before: int
    measured: float
    encoding: str = ""  # as the server names it


@dataclass(frozen=True, slots=True)
class Calibration:
    """The result: the build to predict with, and how far it and the first guess are from the readings (per cent)."""

    build: Build
    start: Build
    doubt: str  # why the layout was a guess; empty where it was read from this version
    before_median: float
    before_worst: float
    after_median: float
    after_worst: float
    fitted: tuple[str, ...]  # what was changed, in words
    not_fitted: tuple[str, ...]  # what still deviates or was not looked at, in words
    sets: int
    keys: int
    seconds: float
    noise: float  # bytes by which used_memory moved while nothing was loaded

    @property
    def changed(self) -> bool:
        """Whether the build differs from the first guess."""
        return self.build is not self.start

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "layout": self.build.layout.family,
            "read_from": self.build.layout.version,
            "allocator": self.build.allocator,
            "calibrated": self.changed,
            "doubt": self.doubt,
            "error_before_percent": {"median": self.before_median, "worst": self.before_worst},
            "error_after_percent": {"median": self.after_median, "worst": self.after_worst},
            "fitted": list(self.fitted),
            "not_fitted": list(self.not_fitted),
            "corrections": {
                name: {"per_key": found.per_key, "per_element": found.per_element}
                for name, found in self.build.corrections.items()
            },
            "sets": self.sets,
            "keys": self.keys,
            "seconds": round(self.seconds, 2),
            "noise_bytes": self.noise,
        }

    def text(self) -> str:
        """Return the result for a terminal, a line each."""
        family = self.build.layout
        lines = [
            f"layout      {family.family} (read from {family.version}), {self.build.allocator}"
            + (f"; {self.doubt}" if self.doubt else "; read from this version")
        ]
        loaded = f"{self.sets} sets, {self.keys:,} keys of ours, {self.seconds:.1f} s, removed again"
        if not self.changed:
            lines.append(
                f"probe       the layout fits: {self.before_median:.2f} % median, {self.before_worst:.2f} % worst ({loaded})"
            )
        else:
            lines.append(
                f"probe       the layout deviated by {self.before_median:.2f} % median, {self.before_worst:.1f} % worst ({loaded})"
            )
            lines += [f"fitted      {what}" for what in self.fitted]
            lines.append(
                f"after       {self.after_median:.2f} % median, {self.after_worst:.2f} % worst on sets that took no part in the fit"
            )
        lines += [f"not fitted  {what}" for what in self.not_fitted]
        return "\n".join(lines)


def probes(keys: int = SET_KEYS, brief: bool = False) -> tuple[Probe, ...]:
    """Return the sets to load, ``keys`` strings or half as many collections each; every third or so is a check.

    Strings at sizes that tell the allocators' classes apart, each collection small, larger, and as a table. ``brief``:
    one or two of each kind, enough to see whether the layout fits.
    """

    def of(short: bool, check: bool, type: str, key_len: int, **more: Any) -> Probe | None:  # Any: columns of a shape
        if brief and not short:
            return None
        count = keys if type == "string" else max(keys // 2, 30)
        return Probe(project.plain(Shape(type, key_len, **({"n_keys": count} | more))), check)  # type: ignore[arg-type]

    each = {"batch": project.BATCH}
    scored = each | {"score": "big"}
    logged = {"fsize": "1", "step_ms": 100, "batch": 1}
    sets = (
        of(True, True, "string", 30, vsize="20", n_keys=FIRST_KEYS),
        of(True, False, "string", 26, vsize="8"),
        of(False, False, "string", 36, vsize="36"),
        of(False, False, "string", 50, vsize="60"),
        of(True, False, "string", 30, vsize="150"),
        of(False, False, "string", 30, vsize="600"),
        of(False, False, "string", 30, vsize="1500"),
        of(False, True, "string", 44, vsize="28"),
        of(True, True, "string", 34, vsize="260"),
        of(False, False, "string", 32, vsize="int32"),
        of(True, False, "string", 36, vsize="36", ttl=True),
        of(False, False, "hash", 32, n_elem=4, fsize="8", vsize="20", **each),
        of(True, False, "hash", 32, n_elem=30, fsize="8", vsize="20", **each),
        of(False, True, "hash", 32, n_elem=12, fsize="12", vsize="30", **each),
        of(False, False, "hash", 32, n_elem=8, fsize="10", vsize="90", **each),
        of(False, False, "hash", 32, n_elem=40, fsize="10", vsize="90", **each),
        of(True, True, "hash", 32, n_elem=20, fsize="16", vsize="80", **each),
        of(False, False, "list", 32, n_elem=4, vsize="30", **each),
        of(False, False, "list", 32, n_elem=80, vsize="300", **each),
        of(False, False, "list", 32, n_elem=200, vsize="424", **each),
        of(True, True, "list", 32, n_elem=20, vsize="100", **each),
        of(False, False, "set", 32, n_elem=6, vsize="20", **each),
        of(False, False, "set", 32, n_elem=40, vsize="20", **each),
        of(True, True, "set", 32, n_elem=15, vsize="12", **each),
        of(True, False, "set", 32, n_elem=150, vsize="20", **each),
        of(False, False, "set", 32, n_elem=240, vsize="20", **each),
        of(False, False, "zset", 32, n_elem=6, fsize="20", **scored),
        of(False, False, "zset", 32, n_elem=60, fsize="20", **scored),
        of(True, True, "zset", 32, n_elem=25, fsize="26", **scored),
        of(False, False, "zset", 32, n_elem=150, fsize="20", **scored),
        of(False, False, "zset", 32, n_elem=240, fsize="20", **scored),
        of(True, True, "zset", 32, n_elem=200, fsize="26", **scored),
        of(False, False, "stream", 32, n_elem=1, vsize="100", **logged),
        of(True, False, "stream", 32, n_elem=40, vsize="100", **logged),
        of(False, True, "stream", 32, n_elem=30, vsize="160", **logged),
    )  # fmt: skip
    return tuple(probe for probe in sets if probe is not None)


def calibrate(
    readings: Sequence[Reading],
    start: Build,
    *,
    doubt: str = "",
    noise: float = 0.0,
    seconds: float = 0.0,
    families: Iterable[str] | None = None,
    allocators: Iterable[str] | None = None,
    force: bool = False,
) -> Calibration:
    """Return the build that explains ``readings``, beginning from ``start``.

    Nothing is changed while the readings agree with ``start`` (unless ``force``). ``families`` are the layouts and
    ``allocators`` the allocators to choose from (all). ``noise`` is what used_memory moves by itself: smaller differences are not fitted.
    """
    checks = [r for r in readings if r.check]
    before = [abs(error(r, start)) for r in readings if r.measured > noise]
    agreed = statistics.median(before) <= MEDIAN_TOLERANCE.get(start.allocator, _MEDIAN) and (
        max(before) <= SET_TOLERANCE.get(start.allocator, _SET)
    )
    build = start
    fitted: list[str] = []
    if force or not agreed:
        build, fitted = _nearest([r for r in readings if not r.check], start, families, tuple(allocators or NAMES))
        build, more = _corrected([r for r in readings if not r.check], build, noise)
        build, kept = _confirmed(checks, build, more)
        fitted += kept
        if not fitted:
            build = start
    after = [abs(error(r, build)) for r in checks if r.measured > noise]
    return Calibration(
        build=build,
        start=start,
        doubt=doubt,
        before_median=statistics.median(before),
        before_worst=max(before),
        after_median=statistics.median(after),
        after_worst=max(after),
        fitted=tuple(fitted),
        not_fitted=tuple(_open_ends(readings, build, noise)),
        sets=len(readings),
        keys=sum(r.shape.n_keys for r in readings),
        seconds=seconds,
        noise=noise,
    )


def _tolerance(limits: Mapping[str, float], build: Build, strict: float) -> float:
    """Return the limit for ``build``: the loose one too where what a key takes in the keyspace depends on the hash seed."""
    chance = build.allocator == "libc" or build.layout.rules["keyspace"] != "dict"
    return limits["libc"] if chance else strict


def predicted(reading: Reading, build: Build) -> float:
    """Return the growth that ``build`` predicts for a reading, in bytes."""
    return project.growth([reading.shape], build, reading.keys_before, reading.volatile_before)


def error(reading: Reading, build: Build) -> float:
    """Return how far the prediction is from the reading, in per cent of the reading."""
    return 100 * (predicted(reading, build) - reading.measured) / max(reading.measured, 1.0)


def deviating(readings: Sequence[Reading], build: Build) -> list[int]:
    """Return the numbers of those readings that are worth taking again: further from ``build`` than chance explains."""
    limit = _tolerance(SET_TOLERANCE, build, 2 * _MEDIAN)
    return [number for number, reading in enumerate(readings) if abs(error(reading, build)) > limit]


def _score(readings: Iterable[Reading], build: Build) -> float:
    # a set that fits nothing must not outvote all others
    return statistics.fmean(min(abs(error(r, build)), 30.0) for r in readings)


def _nearest(
    readings: Sequence[Reading], start: Build, families: Iterable[str] | None, allocators: Sequence[str]
) -> tuple[Build, list[str]]:
    """Return the family and allocator whose predictions are nearest; strings alone choose the five that are tried.

    Then each collection that still deviates may follow another family, and gives up compact encodings that are not there.
    """
    names = list(families) if families is not None else list(layout.families())
    candidates = [
        replace(start, layout=(family := layout.load(name)), allocator=allocator, settings=_settings(start, family))
        for name in names
        for allocator in allocators
    ]
    strings = [r for r in readings if r.shape.type == "string"]
    candidates.sort(key=lambda build: _score(strings, build))
    best = min(candidates[:5], key=lambda build: _score(readings, build))
    changes = []
    if _score(readings, start) <= _score(readings, best) + _CLEARLY:
        best = start
    if best.layout.family != start.layout.family:
        changes.append(f"layout: behaves like {best.layout.family}, not like {start.layout.family}")
    if best.allocator != start.allocator:
        changes.append(f"allocator: sizes are those of {best.allocator}, not of {start.allocator}")
    for kind, prefixes in _PREFIXES.items():
        mine = [r for r in readings if r.shape.type == kind]
        if not mine or _score(mine, best) <= _tolerance(MEDIAN_TOLERANCE, best, _MEDIAN):
            continue
        others = [
            _with_part(best, other, prefixes)
            for name in names
            if (other := layout.load(name)).rules["value_tables"] == best.layout.rules["value_tables"]
        ]
        # some rules belong to several types, so all sets have their say on the few that fit this one best
        others.sort(key=lambda build: _score(mine, build))
        nearer = min(others[:3], key=lambda build: _score(readings, build), default=best)
        if _score(mine, nearer) < _score(mine, best) - _CLEARLY and _score(readings, nearer) < _score(readings, best):
            changes.append(f"{kind}: behaves like {nearer.layout.family.rpartition(' ')[2]}")
            best = replace(nearer, layout=replace(nearer.layout, family=best.layout.family))
        tables = [r for r in mine if r.encoding in ("hashtable", "skiplist")]
        if any(model.predict(r.shape, best).encoding == "listpack" for r in tables):
            changes.append(f"{kind}: small ones are tables here, not listpacks")
            best = replace(best, settings={**best.settings, f"{kind}-max-listpack-entries": "0"})
    return best, changes


#: Names of the sizes and rules that belong to one type, by how they begin.
_PREFIXES: Mapping[str, tuple[str, ...]] = {
    "hash": ("hash_",), "set": ("set_",), "zset": ("zset", "zskiplist", "skiplist_", "double_"),
    "list": ("list_", "quicklist", "large_list", "compact"), "stream": ("stream", "rax"),
}  # fmt: skip


def _settings(start: Build, family: layout.Layout) -> dict[str, str]:
    return {key: start.settings.get(key, value) for key, value in family.settings.items()}


def _with_part(build: Build, other: layout.Layout, prefixes: tuple[str, ...]) -> Build:
    """Return ``build`` with the sizes and rules of one type from ``other``."""
    sizes = (
        dict(other.sizes) | dict(build.layout.sizes) | {k: v for k, v in other.sizes.items() if k.startswith(prefixes)}
    )
    rules = dict(build.layout.rules) | {k: v for k, v in other.rules.items() if k.startswith(prefixes)}
    mixed = replace(build.layout, family=f"{build.layout.family} with {other.family}", sizes=sizes, rules=rules)
    return replace(build, layout=mixed, settings=_settings(build, other) | dict(build.settings))


def _corrected(readings: Sequence[Reading], build: Build, noise: float) -> tuple[Build, list[str]]:
    """Return ``build`` with a constant a key and an element for each kind of value that still deviates."""
    groups: dict[str, list[Reading]] = {}
    for reading in readings:
        if not reading.shape.ttl:
            encoding = model.predict(reading.shape, build).encoding
            groups.setdefault(f"{reading.shape.type} {encoding}", []).append(reading)
    corrections: dict[str, Correction] = {}
    words = []
    for name, group in groups.items():
        off = [abs(r.measured - predicted(r, build)) / r.shape.n_keys for r in group]
        if max(off) < _tolerance(LEAST_BYTES, build, _BYTES) or (
            max(abs(error(r, build)) for r in group) <= _tolerance(MEDIAN_TOLERANCE, build, _MEDIAN)
        ):
            continue
        found = _fit(group, build, noise)
        if found != Correction():
            corrections[name] = found
            terms = [(found.per_key, ".0f", "a key"), (found.per_element, ".1f", "an element")]
            words.append(
                f"{name}: " + ", ".join(f"{size:+{form}} B {each}" for size, form, each in terms if abs(size) >= 0.05)
            )
    build = replace(build, corrections=corrections) if corrections else build
    timed = [r for r in readings if r.shape.ttl]
    left = [(r.measured - predicted(r, build)) / r.shape.n_keys for r in timed if r.measured > noise]
    if left and abs(statistics.fmean(left)) >= 2 * _tolerance(LEAST_BYTES, build, _BYTES):
        each = statistics.fmean(left)
        build = replace(build, corrections={**build.corrections, "ttl": Correction(each)})
        words.append(f"ttl: {each:+.0f} B a key")
    return build, words


def _confirmed(checks: Sequence[Reading], build: Build, words: Sequence[str]) -> tuple[Build, list[str]]:
    """Return ``build`` without those corrections that bring sets which took no part further off."""
    kept = list(words)
    for name in list(build.corrections):
        same = [r for r in checks if r.shape.type == name.split(" ", 1)[0]]
        without = replace(build, corrections={k: v for k, v in build.corrections.items() if k != name})
        if same and _score(same, without) < _score(same, build):
            build, kept = without, [line for line in kept if not line.startswith(f"{name}:")]
    return build, kept


def _fit(group: Sequence[Reading], build: Build, noise: float) -> Correction:
    """Return the constants that make ``group`` fit, by relative least squares; none where the noise is larger."""
    residual = np.array([r.measured - predicted(r, build) for r in group])
    if np.abs(residual).max() <= noise:
        return Correction()
    keys = np.array([r.shape.n_keys for r in group], dtype=float)
    weight = keys / np.array([max(r.measured, 1.0) for r in group])
    elements = np.array([r.shape.n_elem for r in group], dtype=float)
    each = residual / keys
    if len(set(elements)) > 1:
        a = np.stack([np.ones(len(group)), elements], axis=1) * weight[:, None]
        per_key, per_element = np.linalg.lstsq(a, each * weight, rcond=None)[0]
        return Correction(float(per_key), float(per_element))
    # one size only: a large one is made of its elements, a small one of its key
    mean = float((each * weight).sum() / weight.sum())
    return Correction(0.0, mean / elements[0]) if elements[0] >= _LARGE else Correction(mean)


def _open_ends(readings: Sequence[Reading], build: Build, noise: float) -> Iterable[str]:
    """Yield what the build still gets wrong, where the encodings differ, and what was not looked at."""
    limit = _tolerance(SET_TOLERANCE, build, _SET)
    for reading in readings:
        shape = reading.shape
        expected = model.predict(shape, build).encoding
        what = f"{shape.type} of {shape.n_elem}" if shape.type != "string" else f"string of {shape.vsize} B"
        if reading.measured <= noise:
            yield f"{what}: the server's own noise of {noise:,.0f} B hides it"
            continue
        if abs(off := error(reading, build)) > limit:
            named = (
                f"; the server says {reading.encoding}, the layout {expected}" if reading.encoding != expected else ""
            )
            yield f"{what}: still {off:+.1f} % off{named if reading.encoding else ''}"
    yield "taken from the layout: larger keyspace tables, cluster slots, streams with groups, field TTL, intsets"

"""Calibrating: load the probe sets of :mod:`redis_plan.memory.calibration` on a live server, read, and remove them."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import chain

import pandas as pd
import redis

from redis_plan import server as servers
from redis_plan.chapters.memory import loading
from redis_plan.errors import ServerError
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.memory import calibration, live, project
from redis_plan.memory.layout import Build

#: Readings without any load, for the server's own noise.
_IDLE_READINGS = 4
#: Keys of each set that are loaded before its reading begins, where the server keeps parsed commands (Redis 8.4 and later).
_PRIMING_KEYS = 17


def read_sets(server: servers.Server, start: Build, brief: bool = False) -> tuple[list[calibration.Reading], float]:
    """Load the probe sets, return what each did to ``used_memory`` and the noise in bytes; our keys are removed again.

    On a server that others use the sets are larger, and the noise says what can't be told. Where a few readings deviate
    from ``start`` they are taken again, twice: a buffer that somebody's connection gave back in that moment is no layout.
    """
    sets = calibration.probes(calibration.SET_KEYS if server.ours else calibration.SHARED_SET_KEYS, brief)
    loaded: list[tuple[project.Load, str]] = []
    quiet_s = 0.012 if server.ours else 0.03
    first = _PRIMING_KEYS if start.layout.sizes.get("pending_command") else 0

    def take(probe: calibration.Probe, before: loading.Memory) -> tuple[calibration.Reading, loading.Memory]:
        load, prefix = probe.load, f"{server.prefix}{len(loaded):02d}"
        loaded.append((load, prefix))
        if first:
            loading.send(server, project.commands(load, 0, first, prefix))
            before = loading.settle(client, server.ours, longest_s=1.0, quiet_s=quiet_s)
        loading.send(server, project.commands(load, first, load.shape.n_keys + first, prefix))
        # a table of the keyspace doubles with the first keys, and with the first that have a TTL
        wait = 5 if len(loaded) == 1 or load.shape.ttl else 1
        after = loading.settle(client, server.ours, longest_s=1.0, quiet_s=quiet_s * wait)
        shape = replace(load.shape, key_len=load.shape.key_len + len(prefix))
        encoding = _encoding(client, next(project.keys(load, 0, 1, prefix)))
        growth = float(after.data - before.data)
        return calibration.Reading(shape, probe.check, before.keys, before.volatile, growth, encoding), after

    with server.client() as client:
        loading.warm_up(server, server.prefix)
        try:
            loading.settle(client, server.ours)
            noise = _noise(server, client)
            before = loading.settle(client, server.ours, quiet_s=4 * quiet_s)
            readings = []
            for probe in sets:
                reading, before = take(probe, before)
                readings.append(reading)
            odd = calibration.deviating(readings, start)
            if len(odd) <= len(sets) // 3:
                for number in odd:
                    again = [readings[number]]
                    for _ in range(2):
                        reading, before = take(sets[number], before)
                        again.append(reading)
                    readings[number] = sorted(again, key=lambda r: calibration.error(r, start))[1]
        finally:
            loading.unlink(
                server, chain.from_iterable(project.keys(load, 0, load.shape.n_keys + first, p) for load, p in loaded)
            )
    return readings, noise


def probed(server: servers.Server) -> tuple[list[calibration.Reading], calibration.Calibration]:
    """Return the readings and the calibration of ``server``.

    Where the layout was read from this very version, one or two sets of each kind are looked at; all of them, and the
    fit, follow only if those deviate.
    """
    began = time.monotonic()
    start, doubt = live.build_of(server), live.doubt(server)

    def probe(brief: bool) -> tuple[list[calibration.Reading], calibration.Calibration]:
        readings, noise = read_sets(server, start, brief)
        return readings, calibration.calibrate(
            readings,
            start,
            doubt=doubt,
            noise=noise,
            seconds=time.monotonic() - began,
            allocators=live.allocators(server),
        )

    readings, found = probe(brief=not doubt)
    if found.changed and not doubt:
        return probe(brief=False)
    return readings, found


def at(url: str) -> calibration.Calibration:
    """Open the server at ``url``, calibrate, and leave it as it was; raises :class:`ServerError` in one line."""
    with servers.open(url) as server:
        try:
            return probed(server)[1]
        except redis.RedisError as error:
            raise ServerError(f"{server.url} did not let us load our probe keys ({error})") from None


def layout_check(lab: Lab) -> Finding:
    """Compare this server's layout with the readings of the probe sets; where it deviates, fit what differs."""
    with loading.target(lab) as server:
        live.remember(server, None)
        readings, found = probed(server)
        if found.changed:
            live.remember(server, found.build)  # every prediction after this one uses it
    rows = [
        {
            "type": r.shape.type,
            "elements": r.shape.n_elem,
            "keys": r.shape.n_keys,
            "encoding": r.encoding,
            "took_part": "check" if r.check else "fit",
            "measured": r.measured,
            "predicted_before": calibration.predicted(r, found.start),
            "predicted_after": calibration.predicted(r, found.build),
        }
        for r in readings
    ]
    return Finding(
        question="Does the layout that the model knows for this version fit this server?",
        hypothesis="the layout was read from this version's source, so nothing has to be fitted",
        method=f"{found.sets} small sets of keys ({found.keys:,} keys) loaded one after the other, used_memory after each",
        values=(
            Value("error_before_median", found.before_median, "%", n=found.sets),
            Value("error_before_worst", found.before_worst, "%", n=found.sets),
            Value("error_after_median", found.after_median, "%", n=sum(r.check for r in readings)),
            Value("error_after_worst", found.after_worst, "%", n=sum(r.check for r in readings)),
            Value("corrections", float(len(found.fitted)), "terms"),
        ),
        samples=pd.DataFrame(rows),
        conclusion=(
            f"The layout fits: {found.before_median:.2f} % median error, nothing was fitted."
            if not found.changed
            else f"The layout deviated by {found.before_median:.2f} %; fitted: {'; '.join(found.fitted)}. "
            f"{found.after_median:.2f} % remain on sets that took no part in the fit."
        ),
        conditions={
            "allocator": found.build.allocator,
            "layout": found.build.layout.family,
            "noise": f"{found.noise:.0f} B",
        },
    )


def _noise(server: servers.Server, client: redis.Redis) -> float:
    """Return by how much used_memory moves while we do nothing."""
    seen = []
    for _ in range(_IDLE_READINGS):
        time.sleep(0.005 if server.ours else 0.03)
        seen.append(loading.read(client).data)
    return float(max(seen) - min(seen))


def _encoding(client: redis.Redis, key: str) -> str:
    answer = client.object("encoding", key)
    return answer.decode() if isinstance(answer, bytes) else str(answer or "")

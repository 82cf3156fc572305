"""A build: papermill runs the notebooks in order, the exporter assembles the plan, the pages are rendered.

What takes long to import (papermill, nbconvert, pandas) is imported while the kernel starts, which imports the same.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from redis_plan import parameters, server
from redis_plan.brief import documents
from redis_plan.build.kernel import Kernel
from redis_plan.build.order import Built, Order, Watch, run_folder
from redis_plan.errors import ParameterError, Stopped
from redis_plan.parameters import NOTEBOOKS, Parameters
from redis_plan.server import binaries

__all__ = ["Built", "Order", "Watch", "assemble", "build", "checked_parameters"]


def checked_parameters(order: Order) -> dict[str, Parameters]:
    """Return the parameters of each notebook to run; raises :class:`ParameterError` before any kernel starts."""
    known = parameters.known_names()
    for name in order.given:
        if name not in known:
            raise ParameterError(parameters.unknown(name, known, "redis-plan"))
    common = {
        "project": str(order.project.resolve()),
        "run_dir": str(run_folder(order).resolve()),
        "profile": order.profile,
        "server_url": server.conceal(order.server_url),  # notebooks keep their parameters
        "reuse": order.reuse,
    }
    chosen = order.only or tuple(NOTEBOOKS)
    return {
        name: parameters.check(
            name, common | {k: v for k, v in order.given.items() if k in NOTEBOOKS[name].model_fields}
        )
        for name in chosen
    }


def build(order: Order, watch: Watch) -> Built:
    """Build the plan of a project.

    Everything a user can get wrong is checked before the first notebook runs. Raises
    :class:`~redis_plan.errors.RedisPlanError`; a build that fails leaves the previous plan as it was.
    """
    documents.load(order.project)
    given = checked_parameters(order)
    reads = next(iter(NOTEBOOKS)) in given
    with stopped_by_signals(), binaries.pinned(), Kernel(reads=reads) as kernel:
        from redis_plan import brief, keyspace  # noqa: PLC0415
        from redis_plan.build import running  # noqa: PLC0415

        read = brief.read(order.project)
        if read.fit == "unknown":
            watch.warn(
                f'whether Redis is needed is not known: {read.fit_because}; `fit = "useful"` at the top of ai/redis-plan.toml settles it'
            )
        keyspace.design(read)  # a pin that can't be is said before anything runs
        return running.notebooks(order, watch, read, given, kernel)


def assemble(order: Order) -> Built:
    """Assemble the plan again from an earlier build's executed notebooks, without measuring anything."""
    from redis_plan.build import assembling  # noqa: PLC0415

    return assembling.assemble(order)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM end a build as Ctrl-C does: kernels and servers first, then we."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped("stopped; the previous plan is as it was") from None
    finally:
        signal.signal(signal.SIGTERM, before)

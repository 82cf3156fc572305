"""What the workers of one run share: the first that needs it makes it, the others read it."""

import fcntl
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

#: The environment variable with the folder where they meet; ``conftest`` makes and removes it.
FOLDER = "REDIS_PLAN_TESTS_MEET"
T = TypeVar("T")


def path(name: str) -> Path:
    """Return where the file ``name`` of this run is."""
    return Path(os.environ[FOLDER]) / name


def once(name: str, make: Callable[[], T]) -> T:
    """Return what ``make`` returned to the first worker that asked for ``name``; alone, made anew.

    A benchmark is no run of tests: nobody made a folder for it to meet others in.
    """
    if FOLDER not in os.environ:
        return make()
    kept = path(f"{name}.pickle")
    with path(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_bytes(pickle.dumps(make()))
    found: T = pickle.loads(kept.read_bytes())
    return found

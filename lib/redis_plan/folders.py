"""Temporary folders of processes: each is locked while its process lives, and the next one removes what a killed one left."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Every folder of ours is named so, then by what it is for.
PREFIX = "redis-plan-"
#: A folder is made before it is locked: younger ones are left alone, in seconds.
_YOUNG_S = 60.0


@contextmanager
def temporary(purpose: str, base: str | None = None) -> Iterator[Path]:
    """Make a folder for ``purpose`` in ``base`` (by default that for temporary files) and remove it at the end.

    Folders for the same purpose whose process was killed are removed first.
    """
    base = base or tempfile.gettempdir()
    prefix = f"{PREFIX}{purpose}-"
    for folder in Path(base).glob(f"{prefix}*"):
        _remove_unowned(folder)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=base) as name:
        lock = os.open(name, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(lock)


def _remove_unowned(folder: Path) -> None:
    """Remove ``folder`` if it is ours to remove and no process holds it."""
    with suppress(OSError):  # another user's, or gone meanwhile
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if time.time() - os.fstat(lock).st_mtime > _YOUNG_S:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
        finally:
            os.close(lock)

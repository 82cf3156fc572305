"""A second look at a red run: does what failed fail again, alone?

The suite starts thousands of servers, gateways, and processes on every core, so a loaded machine now and then starves one of
them past its patience. A fault fails again when nothing else runs; a starved test passes each time. Both are printed, so that
a test which fails by chance is seen and mended. More than a few failures, or none that pytest remembers, are no chance.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FEW = 3
TIMES = 3
REMEMBERED = Path(".pytest_cache/v/cache/lastfailed")


def main() -> int:
    """0 where each test that failed passes every time alone."""
    failed = list(json.loads(REMEMBERED.read_text())) if REMEMBERED.exists() else []
    if not 0 < len(failed) <= FEW:
        print(f"again: {len(failed)} failures are not looked at again (1 to {FEW} are)")
        return 1
    for turn in range(1, TIMES + 1):
        print(f"again: {turn} of {TIMES}, alone: {' '.join(failed)}", flush=True)
        if subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *failed], check=False).returncode:
            print("again: it fails alone, too")
            return 1
    print("again: FAILED BY CHANCE, to be mended: once in the whole run, never alone:", *failed, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())

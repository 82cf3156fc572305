"""Reads documents of growing size and prints time, memory and how the cost grows: `make bench`.

Each size is read by a process of its own, since a process never gives its peak memory back; its start, the imports and the
sentence encoder are in every row. The text is the sample project's PRD, repeated with other numbers and ids; the last rows are
all user stories, all tables, and all numbers, the dearest text there is for a reader.
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from redis_plan import brief, resources

MB = 1_000_000
SIZES = (0.02, 1, 2, 5)
DENSE = {
    "stories": "\n### US-{n}: Join room {n}\n\nAs a player I want to join room {n} with a code so that {m} friends can play in real time.\n\n"
    "- Given a room with {m} players, when I enter its code, then all of them see me within {m} ms\n- The room expires after {m} minutes\n",
    "tables": "| room {n} | {m} players | {m} s | {n} messages per second |",
    "numbers": "{n} 1,{m:03d} ms 7{n} users/s ",
}
#: Size in MB, seconds and peak in MB: what a usual document and the largest one may take.
TARGETS = ((0.02, 3.0, 400.0), (5, 20.0, 500.0))


def main() -> None:
    """Print the table."""
    if len(sys.argv) == 2:
        print(*measure(Path(sys.argv[1])))
        return
    print("Reading Markdown, one process a row; its wall time from start to end, CPU and peak memory\n")
    print(f"{'document':<22}{'MB':>6}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("prose", "stories", "tables", "numbers"):
            for size in SIZES if kind == "prose" else SIZES[-1:]:
                project = write(Path(folder) / f"{kind}{size}", kind, round(size * MB))
                started = time.perf_counter()
                row = subprocess.run([sys.executable, __file__, str(project)], capture_output=True, text=True, check=True)  # fmt: skip
                wall = time.perf_counter() - started
                cpu, peak = (float(word) for word in row.stdout.split())
                print(f"{kind:<22}{size:>6}{wall:>9.1f}{cpu:>9.1f}{peak:>9.0f}")
    told = " and ".join(
        f"{size:g} MB in under {most_s:.0f} s and {most_mb:.0f} MB" for size, most_s, most_mb in TARGETS
    )
    print(f"\nTarget: {told}, and 5 MB in no more than five times the seconds of 1 MB.")


def write(project: Path, kind: str, size: int) -> Path:
    """Write a PRD of ``size`` bytes; return the project's folder."""
    (project / "ai").mkdir(parents=True)
    sample = (resources.sample_project() / "ai" / "prd.md").read_text("utf-8")
    parts, written, number = [], 0, 0
    while written < size:
        number += 1
        part = _another(sample, number) if kind == "prose" else DENSE[kind].format(n=number, m=number % 900)
        if kind == "tables" and number % 50 == 1:
            part = "\n| Room | Players | TTL | Rate |\n| --- | --- | --- | --- |\n" + part
        parts.append(part + ("\n" if number % 8 == 0 or kind != "numbers" else ""))
        written += len(parts[-1].encode())
    (project / "ai" / "prd.md").write_text("".join(parts), "utf-8")
    return project


def _another(text: str, number: int) -> str:
    return re.sub(r"\bUS-(\d+)", lambda m: f"US-{number}{m[1]}", re.sub(r"\b(\d\d)\b", lambda m: str(int(m[1]) + number % 50), text))  # fmt: skip


def measure(project: Path) -> tuple[float, float]:
    """Read a project; return the CPU seconds of this process since its start, and its peak memory in MB."""
    brief.read(project)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / MB


if __name__ == "__main__":
    main()

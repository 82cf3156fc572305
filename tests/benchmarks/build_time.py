"""Where the wall time of a quick build goes: kernel start, imports, measuring and rendering, for each notebook.

    make bench                     # the sample project, profile quick
    make bench ARGS="standard 3"   # another profile, three builds

Figures of different machines, or of a machine that does other things meanwhile, can't be compared.
"""

from __future__ import annotations

import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from redis_plan import resources
from redis_plan.build import study
from redis_plan.server.fingerprint import machine

#: Seconds of wall time that a build of the sample may take on two quiet cores, by profile; at least half of a quick one measures.
GOALS_S = {"quick": 60, "standard": 294}


class Silent:
    """A watch that shows nothing."""

    def plan(self, *_: object) -> None:
        """Nothing."""

    def warn(self, *_: object) -> None:
        """Nothing."""

    def cell(self, *_: object) -> None:
        """Nothing."""

    def done(self, *_: object) -> None:
        """Nothing."""


def one_build(profile: str) -> tuple[study.Built, float]:
    """Build a copy of the sample project; return what it left and its wall time."""
    with tempfile.TemporaryDirectory(prefix="redis-plan-bench-") as folder:
        project = Path(folder) / "project"
        (project / "ai").mkdir(parents=True)
        for path in (resources.sample_project() / "ai").glob("*.md"):
            if not path.name.startswith("redis-plan"):
                shutil.copy(path, project / "ai")
        started = time.perf_counter()
        built = study.build(study.Order(project=project, profile=profile), Silent())
        return built, time.perf_counter() - started


def spent() -> float:
    """Return the seconds of processor time that this process and its ended children have taken, user and system."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def main() -> None:
    """Print the table."""
    profile = sys.argv[1] if len(sys.argv) > 1 else "quick"
    builds = [one_build(profile) for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1)]
    print(f"profile {profile}, {len(builds)} build(s), medians in seconds; {builds[0][0].server}; {machine()}\n")
    print(f"{'notebook':<22}{'total':>8}{'kernel':>8}{'imports':>9}{'measuring':>11}{'other cells':>13}")
    sums = [0.0] * 5
    for rows in zip(*(built.timings for built, _ in builds), strict=True):
        parts = [
            statistics.median(getattr(t, name) for t in rows) for name in ("total", "kernel", "imports", "measuring")
        ]
        parts.append(parts[0] - sum(parts[1:]))
        sums = [a + b for a, b in zip(sums, parts, strict=True)]
        print(
            f"{rows[0].notebook:<22}" + "".join(f"{v:>{w}.1f}" for v, w in zip(parts, (8, 8, 9, 11, 13), strict=True))
        )
    rendering = statistics.median(built.rendering_s for built, _ in builds)
    wall = statistics.median(seconds for _, seconds in builds)
    print(f"{'all notebooks':<22}" + "".join(f"{v:>{w}.1f}" for v, w in zip(sums, (8, 8, 9, 11, 13), strict=True)))
    print(f"\nassembling and rendering {rendering:.1f} s, reading and checks {wall - sums[0] - rendering:.1f} s")
    print(
        f"whole build {wall:.1f} s, of which measuring {100 * sums[3] / wall:.0f} %; goal {GOALS_S.get(profile, 'none')} s"
    )
    print(f"processor time a build, with all processes that have ended: {spent() / len(builds):.1f} s")


if __name__ == "__main__":
    main()

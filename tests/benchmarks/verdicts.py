"""How often the lab is wrong: 100 live trials of one script against itself, and 100 against one that does 20 % more.

    python -m tests.benchmarks.verdicts         # about a minute, on the first server of this machine
    python -m tests.benchmarks.verdicts 20      # fewer trials

Every trial is a run as a notebook makes it: interleaved, stopped automatically, judged by the A/A noise of the same
run. Wanted: identical candidates called different in under 5 % of the trials, 20 % more work seen in over 95 %.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator

from redis_plan import server
from redis_plan.measure.interleave import Commands, Timed, interleaved
from redis_plan.measure.respwire import Wire, pack
from redis_plan.server.fingerprint import machine

TRIALS = 100
BUDGET_S = 0.4
LOOP = 50_000  # iterations of a Lua loop: about 0.3 ms, so that the work outweighs the way there and back
MORE = 1.2
WRONG_UNDER, SEEN_OVER = 0.05, 0.95


def busy(iterations: int) -> Callable[[], Iterator[Commands]]:
    """Return a maker of scripts that count to ``iterations``."""
    command = pack("EVAL", "local x = 0 for i = 1, tonumber(ARGV[1]) do x = x + i end return x", 0, iterations)
    return lambda: itertools.repeat((command,))


def trial(wire: Wire, factor: float, budget_s: float = BUDGET_S) -> Timed:
    """Run the script against one that does ``factor`` times its work."""
    return interleaved(wire, {"one": busy(LOOP), "other": busy(round(LOOP * factor))}, budget_s, again=True)


def rates(wire: Wire, factor: float, trials: int) -> tuple[Counter[str], list[Timed]]:
    """Return how often each verdict was given, and the runs."""
    runs = [trial(wire, factor) for _ in range(trials)]
    return Counter(run.verdict("other") for run in runs), runs


def main() -> None:
    """Print the rates; the exit code is 1 where they are not what is wanted."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    started = time.perf_counter()
    with server.open() as live, Wire(live) as wire:
        print(f"verdicts of {trials} live trials each, budget {BUDGET_S} s; {live.fingerprint.name}; {machine()}")
        same, runs = rates(wire, 1.0, trials)
        more, others = rates(wire, MORE, trials)
    wrong = 1 - same["no difference seen"] / trials
    seen = more["slower"] / trials
    noise = sorted(run.noise() or 0.0 for run in runs + others)
    early = sum(run.stopped == "interval narrow enough" for run in runs + others) / len(noise)
    print(
        f"identical, called different  {100 * wrong:5.1f} %   (wanted under {100 * WRONG_UNDER:.0f} %)   {dict(same)}"
    )
    print(f"20 % more work, called slower {100 * seen:4.1f} %   (wanted over {100 * SEEN_OVER:.0f} %)   {dict(more)}")
    print(
        f"A/A noise: median {100 * noise[len(noise) // 2]:.1f} %, worst {100 * noise[-1]:.1f} %; "
        f"{100 * early:.0f} % of the runs stopped early; {time.perf_counter() - started:.0f} s"
    )
    sys.exit(0 if wrong < WRONG_UNDER and seen > SEEN_OVER else 1)


if __name__ == "__main__":
    main()

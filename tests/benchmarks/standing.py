"""How much stays past its deadline while keys fall due at a steady pace, beside the model: python -m tests.benchmarks.standing.

Arguments: live keys, keys a second that fall due, seconds (375000 2000 120).
"""

import sys
import time

from redis_plan import server
from redis_plan.memory.active_expiry import standing

LIFE_MS = 10_000
_BATCH = 10_000


def main(live: int = 375_000, pace: int = 2_000, seconds: int = 120) -> None:
    """Print the share of due keys as it grows, and where the model sees it end."""
    with server.open_own() as ours:
        client = ours.client()
        for first in range(0, live, _BATCH):
            with client.pipeline(transaction=False) as pipe:
                for number in range(first, min(live, first + _BATCH)):
                    pipe.set(f"live:{number}", "x", ex=7200)
                pipe.execute()
        expected = standing(live + pace * LIFE_MS // 1000, pace)
        print(f"{ours}: model {expected.share:.0%}, {expected.lag_s:.0f} s late at most")
        began, sent, told = time.monotonic(), 0, 0
        while (passed := time.monotonic() - began) < seconds:
            with client.pipeline(transaction=False) as pipe:
                for number in range(sent, sent := int(passed * pace)):
                    pipe.set(f"due:{number}", "x", px=LIFE_MS)
                pipe.execute()
            if passed >= told:
                size = client.dbsize()
                due = size - live - min(sent, pace * LIFE_MS // 1000)
                print(f"  after {passed:3.0f} s {due / size:.0%} due and still there, {due / pace:.0f} s late")
                told += 15
            time.sleep(0.05)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

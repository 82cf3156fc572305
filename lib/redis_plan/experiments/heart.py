"""A heart: a gateway that renews its members' leases until it is killed.

``python -m redis_plan.experiments.heart beat '<json>'``
"""

from __future__ import annotations

import json
import sys
import time

from redis_plan.experiments.contender import connect


def main() -> None:
    """Renew every lease once a period, for ever."""
    job = json.loads(sys.argv[2])
    client = connect(job["address"])
    keys = job["keys"]
    print("ready", flush=True)
    while True:
        for args in job["args"]:
            if job["form"] == "function":
                client.fcall("session_heartbeat", len(keys), *keys, *args)
            else:
                client.eval(job["script"], len(keys), *keys, *args)
        time.sleep(job["beat_s"])


if __name__ == "__main__":
    main()

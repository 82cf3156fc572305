"""A heart: a gateway that renews its members' leases until it is killed, or its parent is.

``python -m redis_plan.experiments.heart beat '<json>'``
"""

from __future__ import annotations

import json
import select
import sys

from redis_plan.experiments.contender import connect


def main() -> None:
    """Renew every lease once a period."""
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
        # the parent holds our stdin: when it is gone, whatever the reason, so are we
        if select.select([sys.stdin], [], [], job["beat_s"])[0]:
            return


if __name__ == "__main__":
    main()

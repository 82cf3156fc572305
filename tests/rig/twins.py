"""What a test of forked processes runs: each says its number and its id, then answers lines until its pipe closes."""

import json
import os
import sys

from redis_plan.rig.children import twin


def be(number: int) -> None:
    print(json.dumps({"number": number, "pid": os.getpid()}), flush=True)
    for line in sys.stdin:
        if json.loads(line).get("fail"):
            raise ValueError("asked to fail")
        print(line, end="", flush=True)


if __name__ == "__main__":
    sys.stdin.readline()
    twin(json.loads(sys.argv[2])["pipes"], be)

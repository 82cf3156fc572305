"""Delivered programs one after the other in one process, as ``python NAME …`` runs each: loading the libraries is most of what one takes.

``python in_turn.py '[["FOLDER", {"REDIS_URL": "…"}, ["NAME", …], seconds], …]'``. A program that says that it listens or works
gets SIGTERM so many seconds later. After each a line with what it printed.
"""

import builtins
import json
import os
import runpy
import signal
import sys
import threading
from typing import Any

said: list[str] = []
left_s = 0.0


def note(*words: Any, **_: Any) -> None:
    said.append(" ".join(map(str, words)))
    if said[-1] == "working" or said[-1].startswith("listening"):
        threading.Timer(left_s, os.kill, (os.getpid(), signal.SIGTERM)).start()


tell, builtins.print = print, note
for folder, environment, words, seconds in json.loads(sys.argv[1]):
    left_s = seconds
    os.chdir(folder)
    os.environ.update(environment)
    sys.path[0], sys.argv = folder, words
    for name in [name for name in sys.modules if name.startswith("redis_plan_")]:
        del sys.modules[name]
    said.clear()
    runpy.run_path(words[0], run_name="__main__")
    tell(json.dumps(said), flush=True)

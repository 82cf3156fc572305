"""A live server: which build it is, what it can do, and whether it is ours to break or the user's to protect."""

from redis_plan.server.binaries import Binary, available, passed_over
from redis_plan.server.fingerprint import Fingerprint
from redis_plan.server.live import Server
from redis_plan.server.opening import is_program, open, open_own, start_with
from redis_plan.server.process import Address, free_port
from redis_plan.server.url import conceal

__all__ = [
    "Address",
    "Binary",
    "Fingerprint",
    "Server",
    "available",
    "conceal",
    "free_port",
    "is_program",
    "open",
    "open_own",
    "passed_over",
    "start_with",
]

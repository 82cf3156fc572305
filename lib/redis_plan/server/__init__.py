"""A live server: which build it is, what it can do, and whether it is ours to break or the user's to protect."""

from redis_plan.server.binaries import Binary, available
from redis_plan.server.fingerprint import Fingerprint
from redis_plan.server.live import Server, open, open_own, start_with
from redis_plan.server.process import Address, free_port

__all__ = ["Address", "Binary", "Fingerprint", "Server", "available", "free_port", "open", "open_own", "start_with"]

"""The canary of expiry: the read that the plan prescribes finds what has ended and is not freed, and its user may send it."""

import time

import pytest

from redis_plan import server
from redis_plan.delivery import acl
from redis_plan.keyspace import naming
from redis_plan.server import Binary
from tests.conftest import BINARIES
from tests.delivery import made


@pytest.mark.parametrize("binary", BINARIES, ids=lambda binary: binary.id)
def test_what_has_ended_is_seen_until_the_server_frees_it(binary: Binary, sample: made.Project) -> None:
    (pattern,) = (p for p in sample.keyspace.keys if p.name == "canary")
    key = naming.render(pattern.template, node_id="gw-1")
    live = server.start_with(binary, {"enable-debug-command": "yes"})
    try:
        root = live.client()
        root.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")  # a sweep that lags for ever
        user = acl.users(sample.keyspace)[0]
        root.execute_command("ACL", "SETUSER", user.name, "reset", "on", ">tried", *user.rules)
        app = live.client(username=user.name, password="tried")
        app.set(key, "1", px=20)
        time.sleep(0.1)
        assert app.execute_command("MEMORY", "USAGE", key) == app.execute_command("MEMORY", "USAGE", key) > 0
        root.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "1")
        deadline = time.monotonic() + 10
        while app.execute_command("MEMORY", "USAGE", key) is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert app.execute_command("MEMORY", "USAGE", key) is None
    finally:
        live.close()

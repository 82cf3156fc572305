"""The canary of expiry: the read that the plan prescribes finds what has ended and is not freed, and its user may send it."""

import re
import time

import pytest

from redis_plan import server
from redis_plan.chapters.operations import section
from redis_plan.delivery import acl, commands
from redis_plan.keyspace import naming, settings
from redis_plan.server import Binary
from tests.conftest import BINARIES
from tests.delivery import made

#: How the catalog has the canary read: the second of the steps that it gives.
READ = commands.uses()["probe", "string"]["steps"][1][1].split()


def test_plan_and_alert_name_the_read_that_is_tried_here(sample: made.Project) -> None:
    told = next(i["says"] for i in section.indicators(sample.keyspace) if "canary" in i["name"])
    alert = next(a for a in settings.alerts(sample.keyspace, sample.names) if "canary" in a.name)
    assert re.findall(r"`([A-Z ]+)`", told) == [" ".join(READ[:-1])]
    assert re.findall(r"\b[A-Z]{2,}(?: [A-Z]{2,})*\b", alert.expression) == [" ".join(READ[:-1])]


@pytest.mark.parametrize("binary", BINARIES, ids=lambda binary: binary.id)
def test_what_has_ended_is_seen_until_the_server_frees_it(binary: Binary, sample: made.Project) -> None:
    (pattern,) = (p for p in sample.keyspace.keys if p.name == "canary")
    key = naming.render(pattern.template, node_id="gw-1")
    live = server.start_with(binary, {"enable-debug-command": "yes"})
    try:
        root = live.client()
        root.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")  # a sweep that lags for ever
        user = acl.users(sample.keyspace)[0]
        root.execute_command(*user.command("tried"))
        app = live.client(username=user.name, password="tried")
        app.set(key, "1", px=20)
        time.sleep(0.1)
        read = [key if word == "<key>" else word for word in READ]
        assert app.execute_command(*read) == app.execute_command(*read) > 0
        root.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "1")
        deadline = time.monotonic() + 10
        while app.execute_command(*read) is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert app.execute_command(*read) is None
    finally:
        live.close()

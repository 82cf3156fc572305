"""The delivered clients on one server of ours: every action by its own method, as the user that it is for."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import redis

from redis_plan.brief.model import Brief
from redis_plan.delivery import acl, action_clients, clients, duties, library
from redis_plan.delivery import operations as model
from redis_plan.delivery.operations import Operation
from redis_plan.keyspace import naming
from redis_plan.keyspace.model import Keyspace
from redis_plan.server import Server

_PASSWORD = "only-for-this-test"


class Delivered:
    """What a team gets, at work: functions loaded, users made, and both clients written to files and imported."""

    def __init__(
        self, server: Server, brief: Brief, keyspace: Keyspace, client: ModuleType, actions: ModuleType
    ) -> None:
        """Load the library of ``keyspace`` and make its users on ``server``, whose keys all go."""
        self.admin: Any = server.client(decode_responses=True)  # Any: redis-py's replies
        self.admin.flushall()
        self.load(library.compose(brief, keyspace))
        for user in acl.users(keyspace):
            self.admin.execute_command(*user.command(_PASSWORD))
        self.users: dict[str, Any] = {
            role: server.client(decode_responses=True, username=role, password=_PASSWORD) for role in duties.ROLES
        }
        self.keys = client.Keys(environment=naming.ENVIRONMENT)
        self.operations = {role: client.Operations(user, self.keys) for role, user in self.users.items()}
        self.actions, self.calls = actions.Actions(self.keys), client.Calls(self.keys)
        made = model.operations(brief, keyspace)
        # an action may have the name of a function of the session's life
        self.methods: dict[str, Operation] = {o.method: o for o in made if o.kind}
        self.life: dict[str, Operation] = {o.method: o for o in made if not o.kind}
        self.roles = {s.function.name: duties.callers(s.function.call)[0] for s in library.steps(keyspace)}

    def load(self, text: str) -> None:
        """Load another text of the library in place of the one that is there."""
        self.admin.function_flush()
        self.admin.function_load(text)

    def call(self, name: str, session: str, /, *given: object, **named: object) -> Any:  # Any: the client's Call
        """Return the call of an action, or of a session's own operation, ready to be sent."""
        on = self.actions if hasattr(self.actions, name) else self.calls
        return getattr(on, name)(session, *given, **named)

    def send(self, call: Any) -> Any:  # Any: the client's Call and what it reads of the answer
        """Send a call as the user that it is for."""
        return self.operations[self.roles[call.name]].run(call)

    def cut(self, call: Any) -> None:
        """Send a call on a connection that is cut before the answer, as by a gateway that dies."""
        connection: redis.Connection = self.users[self.roles[call.name]].connection_pool.get_connection()
        connection.send_command(*call.command)
        connection.disconnect()
        self.users[self.roles[call.name]].connection_pool.release(connection)


@contextmanager
def delivered(server: Server, brief: Brief, keyspace: Keyspace) -> Iterator[Delivered]:
    """Write the clients to a folder, import them, and hold them on ``server``."""
    with tempfile.TemporaryDirectory(prefix="redis-plan-clients-") as folder:
        texts = {
            clients.PYTHON: clients.python_client(brief, keyspace),
            action_clients.PYTHON: action_clients.python_module(brief, keyspace),
        }
        made = []
        before = {name: sys.modules.pop(Path(name).stem, None) for name in texts}
        try:
            for name, text in texts.items():
                path = Path(folder) / name
                path.write_text(text, "utf-8")
                made.append(_imported(path))
            yield Delivered(server, brief, keyspace, *made)
        finally:
            for name, module in before.items():
                sys.modules.pop(Path(name).stem, None)
                if module is not None:
                    sys.modules[Path(name).stem] = module


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module

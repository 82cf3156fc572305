"""Own Lua: the body of an action as a team writes it, checked before anything runs it.

``tokens`` cuts a text up, ``text`` finds its calls and loops, ``allowed`` is what the catalog lets it call, ``rules`` are
what it must keep to.
"""

from redis_plan.actions.own_lua.rules import Scope, faults
from redis_plan.actions.own_lua.text import called, embedded, written

__all__ = ["Scope", "called", "embedded", "faults", "written"]

"""Overrides: what the team corrects in ``ai/redis-plan.toml``, which is theirs; an unknown key in it is an error.

``schema`` says what the file may hold, ``loading`` checks one and names each fault's line, ``applying`` puts what it
says in place of what was read, ``published`` is the schema for other tools.
"""

from redis_plan.brief.overrides.loading import NAME, Overrides, read_overrides

__all__ = ["NAME", "Overrides", "read_overrides"]

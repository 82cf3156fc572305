"""Brief: what the team asks, read from its documents with the file and line of each statement.

::

    from redis_plan import brief
    asked = brief.read(Path("my-project"))
    asked.fact("idle_ttl").where        # "prd.md:82", or the TOML line that replaces the assumption
"""

from redis_plan.brief.model import Brief
from redis_plan.brief.reader import read

__all__ = ["Brief", "read"]

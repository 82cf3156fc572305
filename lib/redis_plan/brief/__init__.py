"""Brief: what the team asks, read from its documents with the file and line of each statement.

::

    from redis_plan import brief
    asked = brief.read(Path("my-project"))
    asked.fact("idle_ttl").where        # "prd.md:82", or the TOML line that replaces the assumption
"""

from typing import TYPE_CHECKING

from redis_plan.brief.model import Brief

if TYPE_CHECKING:
    from redis_plan.brief.reader import read
else:

    def __getattr__(name: str) -> object:
        """Import the reader, which brings numpy, when somebody reads; who only needs a Brief's types does not wait for it."""
        if name == "read":
            from redis_plan.brief.reader import read  # noqa: PLC0415

            return read
        raise AttributeError(name)


__all__ = ["Brief", "read"]

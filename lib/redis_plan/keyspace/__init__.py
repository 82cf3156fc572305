"""Keyspace: what we propose, designed from a Brief and the catalog of use patterns.

>>> from redis_plan.keyspace import design      # doctest: +SKIP
>>> design(brief).pattern("roster").template    # doctest: +SKIP
'poker:v1:{<session_id>}:roster'
"""

from redis_plan.keyspace.design import design
from redis_plan.keyspace.linter import lint

__all__ = ["design", "lint"]

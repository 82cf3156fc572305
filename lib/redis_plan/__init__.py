"""redis-plan: from a team's documents to a measured Redis architecture plan.

The package is one journey, left to right, and each part imports only what stands to its left:
``brief`` → ``keyspace`` → ``measure``, ``memory`` and ``experiments`` → ``plan``, with ``server`` beside them.
"""

__version__ = "0.1.0"

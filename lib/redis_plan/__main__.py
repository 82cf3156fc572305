"""``python -m redis_plan`` is the ``redis-plan`` command."""

from redis_plan.cli import main

main()

"""Choice: the candidate structures of every key, compared by cost on the Brief's own numbers.

>>> from redis_plan.choice import choose              # doctest: +SKIP
>>> choose(brief).of("log").runner_up.candidate.name  # doctest: +SKIP
'stream'
"""

from redis_plan.choice.choosing import Choice, Choices, choose, contested

__all__ = ["Choice", "Choices", "choose", "contested"]

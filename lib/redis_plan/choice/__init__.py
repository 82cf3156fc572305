"""Choice: the candidate structures of every key, compared by cost on the Brief's own numbers.

>>> from redis_plan.choice import choose              # doctest: +SKIP
>>> choose(brief).of("log").runner_up.candidate.name  # doctest: +SKIP
'stream'
"""

from redis_plan.choice.choosing import Choice, Choices, choose, contested
from redis_plan.choice.measuring import Times, measured_costs, overruled_by

__all__ = ["Choice", "Choices", "Times", "choose", "contested", "measured_costs", "overruled_by"]

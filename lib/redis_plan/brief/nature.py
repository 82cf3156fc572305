"""Nature: what kind of project the documents as a whole describe.

People share a session that they are in together; or they watch things change that nobody joins, such as cars on a map; or nothing is shared
live. A document may say that without a word of a list, in any trade, so it is judged by what its sentences call for: how strongly they call for
each use of Redis, how often they say that others see a change, and what is said of nouns for a gathering.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from redis_plan.brief import evidence, learnt
from redis_plan.brief.evidence import Said
from redis_plan.brief.fit import says_live, wording
from redis_plan.brief.gathering import Counts, chances
from redis_plan.brief.learnt import Matrix

MODEL = "nature"
#: A session, live things without one, neither.
KINDS = ("session", "live", "neither")
#: A document of more lines says who comes into what, if anybody does: what it is by nature decides where little is said.
MOST_LINES = 100
_LEAST, _MOST = 0.001, 0.999


def judge(lines: Sequence[Said], nouns: Sequence[Counts]) -> dict[str, float]:
    """Return how likely each of :data:`KINDS` is by the lines of the documents; nothing of long ones, or where no model judges it."""
    model = learnt.model(MODEL)
    if model is None or not lines or len(lines) > MOST_LINES:
        return {}
    likely = model.probabilities(features(lines, nouns)[None, :])[0]
    return {kind: float(chance) for kind, chance in zip(model.labels, likely, strict=True)}


def features(lines: Sequence[Said], nouns: Sequence[Counts]) -> Matrix:
    """Return the features of a project: evidence for each use, what is said of others and of liveness, and of nouns."""
    said = {one.use: min(_MOST, max(_LEAST, one.strength)) for one in evidence.read_evidence(lines)}
    uses = [(math.log(strength / (1 - strength)) + 2) / 3 for _, strength in sorted(said.items())]
    spoken = [wording().groups(one.text) for one in lines]
    live = sum(says_live(one.text) for one in lines)
    told = [
        math.log1p(live) / 2,
        min(1.0, 8 * live / max(1, len(lines))),
        float(any("several" in groups for groups in spoken)),
        math.log1p(sum("others" in groups for groups in spoken)) / 2,
        math.log1p(sum("quickly" in groups for groups in spoken)) / 2,
    ]
    return np.array([*uses, *told, *_of_nouns(nouns)], dtype=np.float32)


def _of_nouns(nouns: Sequence[Counts]) -> list[float]:
    if not nouns:
        return [0.0] * 9
    likely = chances(nouns)
    best = nouns[int(likely.argmax())]
    joined = sum(one.joined for one in nouns)
    return [
        float(likely.max()),
        best.prior / 2,
        float(joined > 0),
        math.log1p(joined) / 2,
        math.log1p(sum(one.live for one in nouns)) / 3,
        float(any(one.titled and one.prior == 2 for one in nouns)),
        float(any(one.left for one in nouns)),
        float(any(one.hosted and one.prior == 2 for one in nouns)),
        1.0,
    ]

"""Nature: what kind of project the documents as a whole describe.

People share a session that they are in together; or they watch things change that nobody joins, such as cars on a map; or nothing is shared
live. A document may say that without a word of a list, in any trade, so it is judged by what its sentences call for: how strongly the most telling
of them call for each use of Redis, how often they say that others see a change, and what is said of nouns for a gathering. In a long document more of
them must say so than in a short one: among five hundred lines one always sounds live.
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
#: A document of more lines says who comes into what, if anybody does: that a session is likely by nature decides where little is said.
MOST_LINES = 100
#: One line in so many tells what a document asks for, the most telling ones.
TELLING_IN = 25
_LEAST, _MOST = 0.001, 0.999


def judge(lines: Sequence[Said], nouns: Sequence[Counts]) -> str:
    """Return the likeliest of :data:`KINDS` by the lines of the documents; "" where there are none, or no model judges it."""
    model = learnt.model(MODEL)
    if model is None or not lines:
        return ""
    return model.labels[int(model.probabilities(features(lines, nouns)[None, :])[0].argmax())]


def features(lines: Sequence[Said], nouns: Sequence[Counts]) -> Matrix:
    """Return the features of a project: what its most telling lines call for, what is said of others and of liveness, and of nouns."""
    size = max(1, len(lines))
    spoken = [wording().groups(one.text) for one in lines]
    live = sum(says_live(one.text) for one in lines)
    others, quickly = (sum(group in groups for groups in spoken) for group in ("others", "quickly"))
    told = [
        math.log1p(live) / 2,
        min(1.0, 8 * live / size),
        float(any("several" in groups for groups in spoken)),
        *(math.log1p(said) / 2 for said in (others, quickly)),
        *(min(1.0, 8 * said / size) for said in (others, quickly)),
    ]
    return np.array([*_called_for(lines), *told, *_of_nouns(nouns)], dtype=np.float32)


def _called_for(lines: Sequence[Said]) -> Matrix:
    """Return for each use how strongly the most telling lines call for it, in log odds."""
    model = learnt.model(evidence.LINE_MODEL)
    if model is None or not lines:
        return np.zeros(0 if model is None else len(model.labels), dtype=np.float32)
    likely = evidence.likelihoods(model, lines) * np.array([[one.counts] for one in lines], dtype=np.float32)
    telling = -np.sort(-likely, axis=0)[: max(1, round(len(lines) / TELLING_IN))]
    said = np.clip(telling.mean(axis=0), _LEAST, _MOST)
    return np.asarray((np.log(said / (1 - said)) + 2) / 3, dtype=np.float32)


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

"""A finding: what one experiment answers, with its raw samples.

An experiment is a function ``(lab: Lab, **parameters) -> Finding``. It measures and computes; it draws nothing and
writes nothing. The notebook records the finding as evidence under an id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # it takes long to import, and who only reads what was found needs none of it
    import pandas as pd

Grade = Literal["measured", "modelled"]


@dataclass(frozen=True, slots=True)
class Value:
    """One named number of a finding, in a base unit (``s``, ``B``, ``/s``, ``%``, ``x`` or a noun).

    ``low`` and ``high`` are the ends of the 95 % interval of the estimate, where there is one. ``n`` is the number of
    samples behind the value.
    """

    name: str
    value: float
    unit: str
    n: int = 1
    low: float | None = None
    high: float | None = None
    grade: Grade = "measured"


def _no_samples() -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415

    return pd.DataFrame()


@dataclass(frozen=True, slots=True)
class Finding:
    """What an experiment answers.

    ``samples`` is tidy: one row an observation, plain columns of numbers and strings, a default index. ``conditions``
    says what is needed to repeat it: loop type, warm-up, offered and achieved rate, connections, pipeline depth,
    settings. ``not_run`` is empty, or the reason why this server could not run it and what to install; a finding that
    was not run has no values.
    """

    question: str
    hypothesis: str
    method: str
    values: tuple[Value, ...]
    samples: pd.DataFrame = field(default_factory=_no_samples)
    conclusion: str = ""
    conditions: Mapping[str, str | float] = field(default_factory=dict)
    not_run: str = ""

"""Parameters are checked before a kernel starts."""

import pytest

from redis_plan import parameters
from redis_plan.errors import ParameterError


def test_an_unknown_one_is_named_with_the_nearest_known():
    with pytest.raises(ParameterError, match=r"notebook 03_structures has no parameter 'sed'; did you mean seed\?"):
        parameters.check("03_structures", {"sed": 1})


@pytest.mark.parametrize(
    ("name", "value"), [("seed", "x"), ("seed", -1), ("profile", "fast"), ("reuse", 1), ("project", 3)]
)
def test_an_ill_typed_one_is_named_with_what_was_given(name, value):
    with pytest.raises(ParameterError, match=f"parameter {name} of 03_structures: .*got {value!r}"):
        parameters.check("03_structures", {name: value})


def test_defaults_are_those_of_the_build():
    assert parameters.check("01_requirements", {}).profile == "standard"

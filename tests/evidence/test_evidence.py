"""A record gives back what was measured, and says what measuring it again needs."""

import hashlib
import json
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_plan.errors import PlanError
from redis_plan.evidence.store import Store, storable
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from tests.plan.records import fingerprint


def lab() -> Lab:
    return Lab(SimpleNamespace(fingerprint=replace(fingerprint(), source="path")), "quick", 7)


def finding(samples: pd.DataFrame) -> Finding:
    return Finding("Q?", "H", "M", (Value("p50", 0.1, "s", len(samples), 0.05, 0.2),), samples, "C")


def recorded(folder, samples, **parameters):
    def experiment(lab, **given):
        return finding(samples)

    return Store(folder).record("E-04a", "04_expiry", experiment, lab(), parameters, reuse=False)


SAMPLES = pd.DataFrame(
    {
        "seconds": [0.1, 1 / 3, float("nan")],
        "n": [1, 2, 2**60],
        "kind": ["read", "Ωrite", None],
        "kept": [True, False, True],
    }
)


def test_samples_come_back_to_the_last_bit_with_their_types(tmp_path):
    record = recorded(tmp_path, SAMPLES)
    back = Store(tmp_path).samples(record.id)
    assert record.samples_file == "E-04a.parquet"
    assert list(back["seconds"][:2]) == [0.1, 1 / 3]
    assert list(back["n"]) == [1, 2, 2**60]
    assert list(back["kind"][:2]) == ["read", "Ωrite"]
    assert back["kept"].dtype == bool
    assert record.samples_count == 3


def test_a_finding_without_samples_has_an_empty_frame(tmp_path):
    assert Store(tmp_path).samples(recorded(tmp_path, pd.DataFrame()).id).empty


def test_columns_of_mixed_values_are_kept_as_text():
    mixed = pd.DataFrame({"x": pd.array([1, "a", None, 2.5], dtype=object), 3: [1, 2, 3, 4]}, index=[9, 8, 7, 6])
    plain = storable(mixed)
    assert list(plain.columns) == ["x", "3"]
    assert list(plain["x"][:2]) == ["1", "a"]
    assert plain["x"].isna()[2]
    assert list(plain.index) == [0, 1, 2, 3]


@given(st.lists(st.one_of(st.none(), st.integers(-(2**70), 2**70), st.text(max_size=5), st.floats(), st.booleans())))
def test_whatever_an_experiment_puts_into_a_column_can_be_stored(tmp_path_factory, values):
    path = tmp_path_factory.getbasetemp() / "any.parquet"
    storable(pd.DataFrame({"x": pd.Series(values, dtype=object)})).to_parquet(path, index=False)
    assert len(pd.read_parquet(path)) == len(values)


def test_a_record_says_what_repeats_it(tmp_path):
    record = recorded(tmp_path, SAMPLES, sizes=[1, 2], brief="x" * 5000)
    repeat = Store(tmp_path).get("E-04a").repeat
    assert repeat.experiment.endswith("experiment")
    assert json.loads(repeat.arguments["sizes"]) == [1, 2]
    assert len(repeat.arguments["brief"]) < 100
    assert repeat.seed == 7
    assert repeat.command == "redis-plan build PROJECT --profile quick --only 04 --param seed=7"
    assert {"redis-plan", "python", "redis", "numpy"} <= set(repeat.versions)
    assert repeat.started.endswith("+00:00")
    samples = (tmp_path / record.samples_file).read_bytes()
    assert record.samples_sha256 == hashlib.sha256(samples).hexdigest()


def test_missing_samples_and_records_are_one_line(tmp_path):
    with pytest.raises(PlanError, match="no samples of E-01a"):
        Store(tmp_path).samples("E-01a")
    with pytest.raises(PlanError, match="no evidence E-01a"):
        Store(tmp_path).get("E-01a")

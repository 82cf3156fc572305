"""The model over vectors gives what it gives row by row, and a grid of a million takes about a second."""

import numpy as np
import pytest

from redis_plan.errors import InputError
from redis_plan.memory import layout, model
from redis_plan.memory.shape import Shape
from redis_plan.memory.sweep import sweep


@pytest.mark.parametrize("id", layout.KNOWN_IDS)
@pytest.mark.parametrize("type", ["string", "hash", "list", "set", "zset", "stream"])
def test_a_sweep_says_what_the_model_says_row_by_row(id: str, type: str) -> None:
    build, rng = layout.build(id), np.random.default_rng(3)
    key_len, vsize = rng.integers(8, 90, 30), rng.integers(4, 90, 30)
    n_elem = np.ones(30, int) if type == "string" else rng.integers(1, 200, 30)
    n_keys, ttl = rng.integers(1, 5000, 30), rng.integers(0, 2, 30).astype(bool)
    found = sweep(
        type, build, key_len=key_len, n_elem=n_elem, fsize=12, vsize=vsize, n_keys=n_keys, ttl=ttl, score="idx"
    )
    grown = [
        model.predict(
            Shape(type, int(k), n_elem=int(n), fsize="12", vsize=str(v), n_keys=int(c), ttl=bool(t), score="idx"), build
        )
        for k, n, v, c, t in zip(key_len, n_elem, vsize, n_keys, ttl, strict=True)
    ]
    assert found == pytest.approx([growth.used_memory - growth.left for growth in grown], rel=1e-9)


def test_a_grid_of_a_million_is_one_call() -> None:
    axes = np.meshgrid(np.arange(10, 110), np.arange(1, 101), np.arange(1, 101), indexing="ij")
    found = sweep("hash", layout.build("7.0.15"), key_len=axes[0], n_elem=axes[1], fsize=8, vsize=axes[2], n_keys=1000)
    assert found.shape == (1_000_000,)
    assert found.min() > 0


def test_a_negative_or_absurd_number_gets_one_line() -> None:
    build = layout.build("7.0.15")
    with pytest.raises(InputError, match="key_len holds -1"):
        sweep("string", build, key_len=[-1, 3])
    with pytest.raises(InputError, match="512 MB"):
        sweep("string", build, key_len=3, vsize=600 * 2**20)

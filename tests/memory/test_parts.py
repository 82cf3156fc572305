"""Parts of the memory model: allocators, encodings, tables, shapes, layouts. Expected values come from the sources."""

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_plan import resources
from redis_plan.errors import InputError
from redis_plan.keyspace import naming
from redis_plan.keyspace.model import KeyPattern, TtlRule
from redis_plan.memory import active_expiry, allocator, encodings, layout, project, remains, tables
from redis_plan.memory.shape import Shape, Sizes


def test_jemalloc_has_four_classes_a_doubling() -> None:
    assert allocator.size_classes(16)[:14] == (8, 16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    assert allocator.size_classes(8)[:12] == (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128)


@given(st.integers(1, 1 << 24), st.sampled_from(allocator.NAMES))
def test_a_block_is_never_smaller_than_the_request(size: int, name: str) -> None:
    usable = allocator.by_name(name)
    taken = int(usable(np.array([size]))[0])
    assert size <= taken
    if name != "libc" or taken < 1 << 17:  # a mapped block's header is larger than a heap block's
        assert int(usable(np.array([taken]))[0]) == taken, "a usable size is a fixed point"


def test_large_jemalloc_classes_go_on_in_quarters() -> None:
    usable = allocator.jemalloc(16)
    assert usable(np.array([65536, 65537, 81921, 131072, 131073])).tolist() == [65536, 81920, 98304, 131072, 163840]


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc, which is Linux's")
def test_glibc_is_asked_itself() -> None:
    code = (
        "import ctypes;c=ctypes.CDLL(None);c.malloc.restype=ctypes.c_void_p;"
        "c.malloc_usable_size.argtypes=[ctypes.c_void_p];c.malloc_usable_size.restype=ctypes.c_size_t;"
        "print([c.malloc_usable_size(c.malloc(n)) for n in (1000,2001,5000,9003,40000,150001)])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    said = [int(part) for part in answer.strip(" []\n").split(",")]
    predicted = allocator.glibc(np.array([1000, 2001, 5000, 9003, 40000, 150001])).tolist()
    # a split that would leave 16 B leaves them in the block
    assert all(abs(a - b) in (0, 16) for a, b in zip(said[:5], predicted[:5], strict=True))
    assert said[5] == predicted[5]


def test_sds_headers_grow_with_the_text() -> None:
    assert encodings.sds(np.array([0, 1, 31, 32, 255, 256, 65536])).tolist() == [4, 3, 33, 36, 259, 262, 65546]


def test_listpack_entries_are_as_short_as_their_value() -> None:
    numbers = np.array([0, 127, 128, -1, 4095, 4096, 32768, 2**31, 2**40])
    assert encodings.listpack_integer(numbers).tolist() == [2, 2, 3, 3, 3, 4, 5, 10, 10]
    assert encodings.listpack_string(np.array([10, 63, 64, 125, 126, 4095, 4096])).tolist() == [
        12, 65, 67, 128, 130, 4099, 4103,
    ]  # fmt: skip


def test_a_radix_tree_of_one_key_is_a_run_and_a_leaf() -> None:
    assert encodings.rax_bytes([b"k" * 16]) == [32, 16]
    assert encodings.rax_bytes([b"k" * 16], inline_leaves=True) == [32]


def test_a_radix_tree_branches_where_keys_differ() -> None:
    nodes = encodings.rax_bytes([b"aaaa", b"aaab", b"aaba"])
    assert len(nodes) == 7  # run "aa", branch a|b, branch a|b with two leaves, "a" with its leaf
    assert sum(nodes) == 16 + 24 + 24 + 16 + 16 + 16 + 16


def test_a_dict_doubles_at_the_insert_that_finds_it_full() -> None:
    assert [tables.dict_after(n).size for n in (1, 4, 5, 8, 9)] == [4, 4, 8, 8, 16]


def test_a_presized_dict_has_no_old_table() -> None:
    made = tables.dict_after(513, presized=513)
    assert (made.size, made.old, made.rehashing) == (1024, 0, 0.0)


def test_a_value_keeps_both_tables_until_enough_inserts_have_moved_it() -> None:
    just, later = tables.dict_after(129, 0, "sequential add"), tables.dict_after(250, 0, "sequential add")
    assert just.old == 128
    assert just.rehashing == pytest.approx(1)
    assert later.rehashing == pytest.approx(0, abs=1e-6)


def test_valkey_buckets_hold_seven() -> None:
    assert tables.hashtable_after(7).size == 1
    assert tables.hashtable_after(8).size == 2
    assert tables.hashtable_after(1792 + 256).old == 256


def test_child_buckets_are_counted_as_they_fall() -> None:
    rng = np.random.default_rng(7)
    drawn = np.bincount(rng.integers(0, 512, 2490), minlength=512)
    chained = np.maximum(0, -(-(drawn - 7) // 6)).sum()
    assert tables.hashtable_children(2490, 512) == pytest.approx(chained, rel=0.35)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"type": "hsh", "key_len": "3"}, "type 'hsh' is unknown"),
        ({"type": "hash"}, "column key_len is missing"),
        ({"type": "hash", "key_len": "-1"}, "must not be negative"),
        ({"type": "string", "key_len": "3", "n_keys": "-5"}, "must not be negative"),
        ({"type": "string", "key_len": "3", "vsize": str(600 * 2**20)}, "512 MB"),
        ({"type": "string", "key_len": "3", "vsize": "uni:9:3"}, "low end first"),
        ({"type": "string", "key_len": "many"}, "not a number"),
        ({"type": "zset", "key_len": "3", "score": "low"}, "score 'low' is unknown"),
    ],
)
def test_a_wrong_declaration_gets_one_line(row: dict[str, str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        Shape.of_row(row)
    assert "\n" not in str(caught.value)


def test_sizes_can_be_told_one_by_one() -> None:
    sizes = Sizes.parse("each:16,i6,12")
    assert sizes.lengths(4).tolist() == [16, 6, 12, 16]
    assert sizes.entries(3).tolist() == [18, 5, 14]


def test_every_constant_names_its_source() -> None:
    for path in sorted((resources.catalog_dir() / "memory").glob("*.toml")):
        raw = tomllib.loads(path.read_text("utf-8"))
        for part in ("sizes", "rules"):
            for name, entry in raw.get(part, {}).items():
                source = entry["source"]
                assert "src/" in source or "seen on" in source or "HEXPIRE" in source, f"{path.name}: {name}"


@pytest.mark.parametrize(
    ("id", "family", "taken"),
    [
        ("7.0.15", "redis-7.0", "jemalloc-q16"),
        ("redis-7.2-jemalloc", "redis-7.2", "jemalloc-q8"),
        ("7.4.9-bundled-jemalloc", "redis-7.4", "jemalloc-q8"),
        ("8.2.1-libc", "redis-8.2", "libc"),
        ("valkey-9.1.2", "valkey-9.1", "libc"),
        ("valkey-9.4.0-bundled-jemalloc", "valkey-9.1", "jemalloc-q8"),
    ],
)
def test_an_id_names_a_family_and_an_allocator(id: str, family: str, taken: str) -> None:
    build = layout.build(id)
    assert (build.layout.family, build.allocator) == (family, taken)


def test_an_unknown_id_gets_the_nearest_one() -> None:
    with pytest.raises(InputError, match=r"did you mean 7\.2\.6-bundled-jemalloc"):
        layout.build("7.2.6-bundled-jemaloc")


def test_the_catalog_is_where_the_layouts_are() -> None:
    assert all(isinstance(name, str) and layout.load(name).version for name in layout.families())
    assert Path(resources.catalog_dir() / "memory").is_dir()


def test_keys_to_load_are_named_as_the_naming_rules_say() -> None:
    template = "shop:v1:{<session_id>}:part:<member_id>"
    ttl = TtlRule("none", None, "")
    pattern = KeyPattern(
        name="part", template=template, type="string", use="", holds="", scope="session",
        ttl=ttl, writers=(), readers=(), deleted_by="",
    )  # fmt: skip
    load = project.Load(pattern, Shape("string", 40, vsize="8", n_keys=3000), 2.0, (("e", "8"),))
    names = list(project.keys(load, 0, 3000, "mine:"))
    assert len(set(names)) == 3000
    for name in names[::100]:
        ids = naming.parse(template, name.removeprefix("mine:"))
        assert ids is not None
        assert "mine:" + naming.render(template, **ids) == name


def test_what_stays_past_its_deadline_grows_until_the_sweep_removes_as_much_as_falls_due() -> None:
    some = [active_expiry.standing(300_000, pace) for pace in (1, 20, 500, 2_000)]
    assert [s.share for s in some] == sorted(s.share for s in some)
    assert [s.lag_s for s in some] == sorted((s.lag_s for s in some), reverse=True)
    # one loop of 20 keys a tick at rest: a whole sweep goes by before the first of them is gone
    assert some[0].lag_s == pytest.approx(2 * active_expiry.expected_lag_s(300_000, 10), rel=0.01)
    for pace, found in zip((1, 20, 500, 2_000), some, strict=True):
        assert remains.sweep_rate(found.share) * found.share == pytest.approx(pace, rel=1e-6)

"""The functions behind ``redis-plan memory``."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from redis_plan.errors import InputError
from redis_plan.memory import command, layout


def test_one_shape_is_broken_down_and_sums_up() -> None:
    shape = command.shape_of(type="hash", fields=12, value_size="20", key_length=32, count=100_000)
    found = command.predict(shape, "redis-7.2-jemalloc")
    assert found["encoding"] == "listpack"
    assert found["used_memory"] == round(sum(found["parts"].values()) * 100_000 + found["keyspace_tables"])
    assert json.loads(command.render_json(found)) == json.loads(json.dumps(found))
    text = command.render(found)
    assert "100,000 hash keys (listpack)" in text
    assert "keyspace tables" in text


def test_the_servers_are_named_like_the_truth_files() -> None:
    listed = command.servers()
    assert [row["id"] for row in listed][: len(layout.KNOWN_IDS)] == list(layout.KNOWN_IDS)
    assert {row["family"] for row in listed} == set(layout.families()), "one build of each family"


def test_a_cluster_node_pays_for_its_slots() -> None:
    shape = command.shape_of(type="string", value_size="16", key_length=20, count=100_000)
    for server, more in {
        "7.0.15": 16.0,
        "7.4.1-bundled-jemalloc": 10.8,
        "8.10.2-libc": 18.2,
        "valkey-9.1.2": 18.0,
    }.items():
        alone = command.predict(shape, server)["per_key"]
        node = command.predict(shape, command.clustered(server))["per_key"]
        assert node - alone == pytest.approx(more, abs=1.0), server


def test_deadlines_of_fields_need_a_version_that_has_them(tmp_path: Path) -> None:
    table = tmp_path / "keys.csv"
    table.write_text("type,key_len,n_elem,fsize,vsize,hfe\nhash,20,5,8,8,1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r":2: redis-7.0 has no deadlines of hash fields"):
        command.predict_table(table, "7.0.15")
    assert command.predict_table(table, "7.4.1-bundled-jemalloc")


def test_a_table_comes_back_with_two_columns_more(tmp_path: Path) -> None:
    table = tmp_path / "keys.csv"
    table.write_text("note,type,key_len,vsize,n_keys\nsmall,string,60,1,2490\n", encoding="utf-8")
    rows = command.predict_table(table, "7.0.15")
    assert rows == [
        {
            "note": "small", "type": "string", "key_len": "60", "vsize": "1", "n_keys": "2490",
            "predicted_used_memory": "351488", "predicted_memory_usage": "120",
        }
    ]  # fmt: skip
    assert list(csv.DictReader(io.StringIO(command.render_csv(rows)))) == rows
    assert command.render_table(rows).splitlines()[2] == "| string | 60 | 1 | 2490 | 351488 | 120 |"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty"),
        ("kind,key_len\nstring,3\n", "needs a header"),
        ("type,key_len\nstring,3\nhash,x\n", r":3: column key_len: 'x' is not a number"),
    ],
)
def test_a_wrong_table_is_told_by_file_and_line(tmp_path: Path, text: str, sentence: str) -> None:
    table = tmp_path / "keys.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=sentence):
        command.predict_table(table)


def test_a_table_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        command.predict_table(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01\x80")
    with pytest.raises(InputError, match="UTF-8"):
        command.predict_table(tmp_path / "binary.csv")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"type": "hsh"}, "type 'hsh' is unknown"),
        ({"count": -4}, "--count -4: it must be at least 0"),
        ({"fields": -1}, "--fields -1: it must be at least 1"),
        ({"fields": 10**12}, "beyond this model"),
        ({"pending": -1}, "--pending -1: it must be at least 0"),
        ({"value_size": "600000000"}, "--value-size 600000000: .* 512 MB"),
        ({"field_size": "wide"}, "--field-size wide: "),
        ({"key_length": 600_000_000}, "--key-length 600000000: .* 512 MB"),
        ({"type": "zset", "score": "low"}, "score 'low' is unknown"),
    ],
)
def test_impossible_options_get_one_line(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        command.shape_of(**({"type": "hash", "key_length": 32, "count": 10} | given))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "server", ["redis-7.2-jemalloc", "8.2-libc", "valkey-8.0-jemalloc", "redis-7.4.2-jemalloc-q16"]
)
def test_a_server_is_named_by_version_and_allocator(server: str) -> None:
    shape = command.shape_of(type="stream", fields=100, entry_fields=3, groups=2, pending=10, key_length=32, count=10)
    assert (
        command.predict(shape, server)["used_memory"]
        > command.predict(command.shape_of(type="stream", fields=100, entry_fields=3, key_length=32, count=10), server)[
            "used_memory"
        ]
    )


@pytest.mark.parametrize(
    ("server", "family", "allocator"),
    [
        ("7.0.15", "redis-7.0", "jemalloc-q16"),
        ("7.2.6-bundled-jemalloc", "redis-7.2", "jemalloc-q8"),
        ("8.10.2-bundled-jemalloc", "redis-8.10", "jemalloc-q8"),
        ("6.2.14", "redis-6.2", "jemalloc-q16"),
        ("valkey-9.1.2", "valkey-9.1", "libc"),
        ("9.1.0-libc", "valkey-9.1", "libc"),
        ("Valkey-8.1-system-jemalloc", "valkey-8.1", "jemalloc-q16"),
    ],
)
def test_any_version_is_found_by_its_family_and_allocator(server: str, family: str, allocator: str) -> None:
    build = layout.build(server)
    assert (build.layout.family, build.allocator) == (family, allocator)


def test_no_keys_take_nothing() -> None:
    shape = command.shape_of(type="string", key_length=32, count=0)
    assert "0 string keys" in command.render(command.predict(shape))
